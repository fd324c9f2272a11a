/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints what it finds of the host's files: the fw_cfg file "opt/test", and all
 * SMBIOS strings. */
#include "tests/guest/guest.h"

#define FW_CFG 0x510
#define FILE_DIR 0x19
#define NAME_BYTES 56
#define SMBIOS_FROM 0xf0000
#define SMBIOS_TO 0x100000

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static uint32_t read_be(unsigned size)
{
    uint32_t v = 0;

    while (size--) {
        v = v << 8 | inb(FW_CFG + 1);
    }
    return v;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void put(char c)
{
    char text[2] = {c, 0};

    print(text);
}

static void print_item(uint16_t item, uint32_t size)
{
    outw(FW_CFG, item);
    print("fw_cfg: ");
    while (size--) {
        put((char)inb(FW_CFG + 1));
    }
    print("\r\n");
}

static void find_file(const char *wanted)
{
    uint16_t item = 0;
    uint32_t count, size = 0;

    outw(FW_CFG, FILE_DIR);
    count = read_be(4);
    while (count--) {
        uint32_t bytes = read_be(4);
        uint16_t number = (uint16_t)read_be(2);
        char name[NAME_BYTES];

        read_be(2);
        for (unsigned i = 0; i < NAME_BYTES; i++) {
            name[i] = (char)inb(FW_CFG + 1);
        }
        if (same(name, wanted)) {
            item = number;
            size = bytes;
        }
    }
    if (item) {
        print_item(item, size);
    }
}

/* Structures: type, length, handle, ..., then strings up to an empty one. */
static void print_structures(const uint8_t *at, unsigned count)
{
    while (count--) {
        const uint8_t *p = at + at[1];

        while (p[0]) {
            print("smbios ");
            print_hex(at[0]);
            print(": ");
            print((const char *)p);
            print("\r\n");
            while (*p++) {
            }
        }
        at = p + (p == at + at[1] ? 2 : 1);
    }
}

static void find_smbios(void)
{
    for (uint32_t at = SMBIOS_FROM; at < SMBIOS_TO; at += 16) {
        const uint8_t *a = (const uint8_t *)at;

        if (a[0] == '_' && a[1] == 'S' && a[2] == 'M' && a[3] == '_') {
            print_structures(*(uint8_t *const *)(a + 24),
                             *(const uint16_t *)(a + 28));
            return;
        }
    }
}

int guest_main(void)
{
    find_file("opt/test");
    find_smbios();
    return 0;
}
