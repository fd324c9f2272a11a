/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CPUID says about processors, cores and caches, a line a leaf. */
#include "tests/guest/guest.h"

typedef struct Regs {
    uint32_t a, b, c, d;
} Regs;

static Regs cpuid(uint32_t leaf, uint32_t sub)
{
    Regs r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(sub));
    return r;
}

static void show(uint32_t leaf, uint32_t sub)
{
    Regs r = cpuid(leaf, sub);
    const uint32_t words[] = {leaf, sub, r.a, r.b, r.c, r.d};

    print("cpuid");
    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
        print(" ");
        print_hex(words[i]);
    }
    print("\r\n");
}

static void show_all(uint32_t leaf, uint32_t subs, uint32_t last)
{
    for (uint32_t sub = 0; leaf <= last && sub < subs; sub++) {
        show(leaf, sub);
    }
}

int guest_main(void)
{
    uint32_t basic = cpuid(0, 0).a, extended = cpuid(0x80000000, 0).a;

    show_all(1, 1, basic);
    show_all(4, 5, basic);
    show_all(0xb, 3, basic);
    show_all(0x1f, 4, basic);
    show_all(0x80000001, 1, extended);
    show_all(0x80000008, 1, extended);
    show_all(0x8000001d, 5, extended);
    show_all(0x8000001e, 1, extended);
    return 0;
}
