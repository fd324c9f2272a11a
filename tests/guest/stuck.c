/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests that never get anywhere; the kind is compiled in. */
#include "tests/guest/guest.h"

int guest_main(void)
{
    print("stuck:\r\n");
    guest_idt();
#if defined(STUCK_UD2)
    /* vector 6's handler is itself ud2 */
    struct Pointer {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) idt;
    __asm__ volatile("sidt %0" : "=m"(idt));
    uint16_t *gate = (uint16_t *)(idt.base + 6 * 8);
    uint32_t handler;

    __asm__ volatile("jmp 2f\n1: ud2\n2: movl $1b, %0" : "=r"(handler));
    gate[0] = (uint16_t)handler;
    gate[3] = (uint16_t)(handler >> 16);
    __asm__ volatile("ud2");
#elif defined(STUCK_TRIPLE)
    static const uint16_t none[3];

    __asm__ volatile("lidt %0\nint3" : : "m"(none));
#elif defined(STUCK_HALT)
    __asm__ volatile("cli; hlt");
#else
    __asm__ volatile("1: jmp 1b");
#endif
    return 1;
}
