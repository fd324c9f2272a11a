/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF kernels, 32 and 64 bits, for direct boot. Source: System V ABI (ELF). */
#ifndef HW_X86_ELF_IMAGE_H
#define HW_X86_ELF_IMAGE_H

#include "core/error.h"

#define ELF_IMAGE_MAX 0x40000000ull /* bytes in guest memory */

typedef struct ElfImage {
    const uint8_t *file; /* borrowed: from the caller */
    size_t size;
    bool wide; /* 64 bits */
    uint64_t entry;
    uint64_t headers; /* offset of the program headers */
    unsigned count, header_bytes;
} ElfImage;

bool elf_is(const uint8_t *file, size_t size);
/** elf_parse() - header of an i386 or x86-64 file */
bool elf_parse(ElfImage *e, const uint8_t *file, size_t size, GError **error);
/** elf_load() - all segments as one piece of memory; @low: where it starts */
bool elf_load(const ElfImage *e, GByteArray *out, uint64_t *low,
              GError **error);
/** elf_note() - the number in note @type of @owner; false: there is none */
bool elf_note(const ElfImage *e, const char *owner, uint32_t type,
              uint64_t *out);

#endif
