/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/x86/elf_image.h"

#include <string.h>

#include "core/bytes.h"

#define CLASS 4
#define CLASS_32 1
#define CLASS_64 2
#define MACHINE 18
#define EM_386 3
#define EM_X86_64 62
#define EHDR_MAX 64
#define PHDR_32 32u
#define PHDR_64 56u
#define PT_LOAD 1
#define PT_NOTE 4
#define NOTE_BYTES 12u

typedef struct Segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz;
} Segment;

bool elf_is(const uint8_t *file, size_t size)
{
    return size >= EHDR_MAX && memcmp(file, "\177ELF", 4) == 0;
}

bool elf_parse(ElfImage *e, const uint8_t *file, size_t size, GError **error)
{
    unsigned machine, class;

    if (!elf_is(file, size)) {
        return fail(error, "not an ELF file");
    }
    machine = ld_le16(file + MACHINE);
    class = file[CLASS];
    if ((machine != EM_386 && machine != EM_X86_64)
        || (class != CLASS_32 && class != CLASS_64)) {
        return fail(error, "an ELF file, but not for i386 or x86-64");
    }
    *e = (ElfImage){.file = file, .size = size, .wide = class == CLASS_64};
    if (e->wide) {
        e->entry = ld_le64(file + 24);
        e->headers = ld_le64(file + 32);
        e->header_bytes = ld_le16(file + 54);
        e->count = ld_le16(file + 56);
    } else {
        e->entry = ld_le32(file + 24);
        e->headers = ld_le32(file + 28);
        e->header_bytes = ld_le16(file + 42);
        e->count = ld_le16(file + 44);
    }
    if (e->header_bytes < (e->wide ? PHDR_64 : PHDR_32)) {
        return fail(error, "program headers of %u bytes", e->header_bytes);
    }
    return true;
}

/* False: the header lies outside the file. */
static bool elf_segment(const ElfImage *e, unsigned i, Segment *out)
{
    uint64_t skip = (uint64_t)i * e->header_bytes;
    const uint8_t *p;

    if (e->headers > e->size || skip + e->header_bytes > e->size - e->headers) {
        return false;
    }
    p = e->file + e->headers + skip;
    out->type = ld_le32(p);
    if (e->wide) {
        out->offset = ld_le64(p + 8);
        out->paddr = ld_le64(p + 24);
        out->filesz = ld_le64(p + 32);
        out->memsz = ld_le64(p + 40);
    } else {
        out->offset = ld_le32(p + 4);
        out->paddr = ld_le32(p + 12);
        out->filesz = ld_le32(p + 16);
        out->memsz = ld_le32(p + 20);
    }
    return true;
}

static bool elf_inside(const ElfImage *e, const Segment *s)
{
    return s->offset <= e->size && s->filesz <= e->size - s->offset;
}

static bool elf_extent(const ElfImage *e, uint64_t *low, uint64_t *high,
                       GError **error)
{
    *low = UINT64_MAX;
    *high = 0;
    for (unsigned i = 0; i < e->count; i++) {
        Segment s;

        if (!elf_segment(e, i, &s)) {
            return fail(error, "program headers outside the file");
        }
        if (s.type != PT_LOAD || s.memsz == 0) {
            continue;
        }
        if (s.filesz > s.memsz || !elf_inside(e, &s)) {
            return fail(error, "segment outside the file");
        }
        if (s.memsz > ELF_IMAGE_MAX || s.paddr > UINT32_MAX) {
            return fail(error, "segment beyond 4 GiB, or of more than 1 GiB");
        }
        *low = MIN(*low, s.paddr);
        *high = MAX(*high, s.paddr + s.memsz);
    }
    if (*low >= *high || *high - *low > ELF_IMAGE_MAX) {
        return fail(error, "no segments, or more than 1 GiB");
    }
    return true;
}

bool elf_load(const ElfImage *e, GByteArray *out, uint64_t *low, GError **error)
{
    uint64_t high;
    Segment s;

    if (!elf_extent(e, low, &high, error)) {
        return false;
    }
    g_byte_array_set_size(out, (guint)(high - *low));
    memset(out->data, 0, high - *low);
    for (unsigned i = 0; i < e->count; i++) {
        if (elf_segment(e, i, &s) && s.type == PT_LOAD && s.memsz > 0) {
            memcpy(out->data + (s.paddr - *low), e->file + s.offset, s.filesz);
        }
    }
    return true;
}

/* Name and descriptor are padded to four bytes. */
static bool elf_find_note(const uint8_t *p, uint64_t size, const char *owner,
                          uint32_t type, uint64_t *out)
{
    while (size >= NOTE_BYTES) {
        uint64_t name = ld_le32(p), desc = ld_le32(p + 4);
        uint64_t name_room = (name + 3) & ~3ull;
        uint64_t all = NOTE_BYTES + name_room + ((desc + 3) & ~3ull);

        if (all > size) {
            return false;
        }
        if (ld_le32(p + 8) == type && name == strlen(owner) + 1
            && memcmp(p + NOTE_BYTES, owner, name) == 0 && desc >= 4) {
            const uint8_t *v = p + NOTE_BYTES + name_room;

            *out = desc >= 8 ? ld_le64(v) : ld_le32(v);
            return true;
        }
        p += all;
        size -= all;
    }
    return false;
}

bool elf_note(const ElfImage *e, const char *owner, uint32_t type,
              uint64_t *out)
{
    Segment s;

    for (unsigned i = 0; i < e->count && elf_segment(e, i, &s); i++) {
        if (s.type == PT_NOTE && elf_inside(e, &s)
            && elf_find_note(e->file + s.offset, s.filesz, owner, type, out)) {
            return true;
        }
    }
    return false;
}
