/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump-guest-memory: a core file with the guest's memory and its vCPUs, for gdb
 * and crash. Source: System V ABI (ELF, program headers, notes); the layout of
 * NT_PRSTATUS is Linux's for i386 and x86-64; "QEMU" notes are what crash(8)
 * looks for. The machine stands still meanwhile.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/fds.h"
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"
#include "monitor/x86_pages.h"

#define PRSTATUS32_BYTES 144
#define PRSTATUS64_BYTES 336
#define QEMU_NOTE_BYTES 440
#define RUNS_MAX 65000 /* program headers; 65535 means more */
#define EFER_LMA (1ull << 10)

typedef struct DumpRun {
    uint64_t virt, phys, size;
} DumpRun;

typedef struct Dump {
    Vm *vm;
    GArray *ram;            /* owned: DumpRun, of RAM */
    GArray *runs;           /* owned: DumpRun, of the file */
    uint64_t begin, length; /* physical; length 0: all */
    bool wide;              /* 64-bit ELF */
    bool long_mode;
    GByteArray *notes; /* owned */
    FILE *file;
    uint64_t total;
} Dump;

/* What became of the last dump. */
typedef struct DumpState {
    const char *status;
    int64_t completed, total;
} DumpState;

/* --- what is in it ---------------------------------------------------------------- */

static void dump_ram(void *opaque, GuestPhys at, uint64_t size,
                     const uint8_t *host)
{
    Dump *d = opaque;
    uint64_t end = at + size;
    DumpRun run;

    if (d->length) {
        at = MAX(at, d->begin);
        end = MIN(end, d->begin + d->length);
    }
    if (at < end) {
        run = (DumpRun){at, at, end - at};
        if (d->ram->len) {
            DumpRun *last = &g_array_index(d->ram, DumpRun, d->ram->len - 1);

            if (last->phys + last->size == run.phys) {
                last->size += run.size;
                return;
            }
        }
        g_array_append_val(d->ram, run);
    }
}

/* The part of a mapping that is RAM and wanted. */
static bool dump_page(void *opaque, uint64_t va, uint64_t pa, uint64_t size,
                      uint64_t flags)
{
    Dump *d = opaque;

    for (guint i = 0; i < d->ram->len; i++) {
        const DumpRun *ram = &g_array_index(d->ram, DumpRun, i);
        uint64_t from = MAX(pa, ram->phys);
        uint64_t end = MIN(pa + size, ram->phys + ram->size);
        DumpRun run = {va + (from - pa), from, end - from};
        DumpRun *last = d->runs->len
                            ? &g_array_index(d->runs, DumpRun, d->runs->len - 1)
                            : NULL;

        if (from >= end) {
            continue;
        }
        if (last && last->virt + last->size == run.virt
            && last->phys + last->size == run.phys) {
            last->size += run.size;
        } else {
            g_array_append_val(d->runs, run);
        }
    }
    return d->runs->len < RUNS_MAX;
}

/* Every vCPU's mappings, those that several have once. */
static void dump_mappings(Dump *d)
{
    g_autoptr(GHashTable) once = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < d->vm->vcpus->len; i++) {
        const X86Cpu *c = g_ptr_array_index(d->vm->vcpus, i);
        bool seen = false;

        for (guint k = 0; k < i && !seen; k++) {
            const X86Cpu *o = g_ptr_array_index(d->vm->vcpus, k);

            seen = o->cr3 == c->cr3 && o->cr4 == c->cr4;
        }
        if (!seen && x86_pages_walk(c, once, dump_page, d) == X86_PAGES_OFF) {
            g_array_append_vals(d->runs, d->ram->data, d->ram->len);
        }
    }
}

/* --- notes ----------------------------------------------------------------------------- */

static void note_add(Dump *d, const char *owner, uint32_t type,
                     const uint8_t *data, uint32_t size)
{
    static const uint8_t zeroes[4] = {0};
    uint8_t head[12];
    uint32_t name = (uint32_t)strlen(owner) + 1;

    st_le32(head, name);
    st_le32(head + 4, size);
    st_le32(head + 8, type);
    g_byte_array_append(d->notes, head, sizeof(head));
    g_byte_array_append(d->notes, (const uint8_t *)owner, name);
    g_byte_array_append(d->notes, zeroes, -name & 3);
    g_byte_array_append(d->notes, data, size);
    g_byte_array_append(d->notes, zeroes, -size & 3);
}

static void note_prstatus64(Dump *d, const X86Cpu *c)
{
    uint8_t raw[PRSTATUS64_BYTES] = {0};
    /* in the order of user_regs_struct */
    const uint64_t regs[] = {
        c->gpr[15],
        c->gpr[14],
        c->gpr[13],
        c->gpr[12],
        c->gpr[X86_RBP],
        c->gpr[X86_RBX],
        c->gpr[11],
        c->gpr[10],
        c->gpr[9],
        c->gpr[8],
        c->gpr[X86_RAX],
        c->gpr[X86_RCX],
        c->gpr[X86_RDX],
        c->gpr[X86_RSI],
        c->gpr[X86_RDI],
        c->gpr[X86_RAX],
        c->v.ops->get_pc(&c->v),
        c->seg[X86_CS].sel,
        x86_cpu_eflags(c),
        c->gpr[X86_RSP],
        c->seg[X86_SS].sel,
        c->seg_base[X86_FS],
        c->seg_base[X86_GS],
        c->seg[X86_DS].sel,
        c->seg[X86_ES].sel,
        c->seg[X86_FS].sel,
        c->seg[X86_GS].sel,
    };

    st_le32(raw + 32, c->v.index + 1); /* pid */
    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        st_le64(raw + 112 + 8 * i, regs[i]);
    }
    note_add(d, "CORE", NT_PRSTATUS, raw, sizeof(raw));
}

static void note_prstatus32(Dump *d, const X86Cpu *c)
{
    uint8_t raw[PRSTATUS32_BYTES] = {0};
    const uint64_t regs[] = {
        c->gpr[X86_RBX],         c->gpr[X86_RCX],    c->gpr[X86_RDX],
        c->gpr[X86_RSI],         c->gpr[X86_RDI],    c->gpr[X86_RBP],
        c->gpr[X86_RAX],         c->seg[X86_DS].sel, c->seg[X86_ES].sel,
        c->seg[X86_FS].sel,      c->seg[X86_GS].sel, c->gpr[X86_RAX],
        c->v.ops->get_pc(&c->v), c->seg[X86_CS].sel, x86_cpu_eflags(c),
        c->gpr[X86_RSP],         c->seg[X86_SS].sel,
    };

    st_le32(raw + 24, c->v.index + 1); /* pid */
    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        st_le32(raw + 72 + 4 * i, (uint32_t)regs[i]);
    }
    note_add(d, "CORE", NT_PRSTATUS, raw, sizeof(raw));
}

static uint8_t *note_segment(uint8_t *at, uint32_t sel, uint32_t limit,
                             uint32_t attr, uint64_t base)
{
    st_le32(at, sel);
    st_le32(at + 4, limit);
    st_le32(at + 8, attr << 8); /* bits 8-23 of the descriptor */
    st_le64(at + 16, base);
    return at + 24;
}

static void note_qemu(Dump *d, const X86Cpu *c)
{
    static const uint8_t gprs[] = {
        X86_RAX, X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RSP, X86_RBP,
        8,       9,       10,      11,      12,      13,      14,      15};
    static const X86SegIndex segs[] = {X86_CS, X86_DS, X86_ES,
                                       X86_FS, X86_GS, X86_SS};
    const X86Table *tables[] = {&c->ldt, &c->tr, &c->gdt, &c->idt};
    const uint64_t cr[] = {c->cr0, 0, c->cr2, c->cr3, c->cr4};
    uint8_t raw[QEMU_NOTE_BYTES] = {0};
    uint8_t *at = raw + 8;

    st_le32(raw, 1); /* version */
    st_le32(raw + 4, sizeof(raw));
    for (unsigned i = 0; i < G_N_ELEMENTS(gprs); i++, at += 8) {
        st_le64(at, c->gpr[gprs[i]]);
    }
    st_le64(at, c->v.ops->get_pc(&c->v));
    st_le64(at + 8, x86_cpu_eflags(c));
    at += 16;
    for (unsigned i = 0; i < G_N_ELEMENTS(segs); i++) {
        const X86Seg *s = &c->seg[segs[i]];

        at = note_segment(at, s->sel, s->limit, s->attr, c->seg_base[segs[i]]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        at = note_segment(at, tables[i]->sel, tables[i]->limit, tables[i]->attr,
                          tables[i]->base);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(cr); i++, at += 8) {
        st_le64(at, cr[i]);
    }
    st_le64(at, c->kernel_gs_base);
    note_add(d, "QEMU", 0, raw, sizeof(raw));
}

static void dump_notes(Dump *d)
{
    for (guint i = 0; i < d->vm->vcpus->len; i++) {
        const X86Cpu *c = g_ptr_array_index(d->vm->vcpus, i);

        if (d->long_mode) {
            note_prstatus64(d, c);
        } else {
            note_prstatus32(d, c);
        }
    }
    for (guint i = 0; i < d->vm->vcpus->len; i++) {
        note_qemu(d, g_ptr_array_index(d->vm->vcpus, i));
    }
}

/* --- the file --------------------------------------------------------------------------- */

static void header64(const Dump *d, Elf64_Ehdr *e, unsigned count)
{
    *e = (Elf64_Ehdr){
        .e_type = ET_CORE,
        .e_machine = d->long_mode ? EM_X86_64 : EM_386,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(*e),
        .e_ehsize = sizeof(*e),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)count,
    };
    memcpy(e->e_ident, ELFMAG, SELFMAG);
    e->e_ident[EI_CLASS] = ELFCLASS64;
    e->e_ident[EI_DATA] = ELFDATA2LSB;
    e->e_ident[EI_VERSION] = EV_CURRENT;
}

static void header32(const Dump *d, Elf32_Ehdr *e, unsigned count)
{
    *e = (Elf32_Ehdr){
        .e_type = ET_CORE,
        .e_machine = EM_386,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(*e),
        .e_ehsize = sizeof(*e),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = (Elf32_Half)count,
    };
    memcpy(e->e_ident, ELFMAG, SELFMAG);
    e->e_ident[EI_CLASS] = ELFCLASS32;
    e->e_ident[EI_DATA] = ELFDATA2LSB;
    e->e_ident[EI_VERSION] = EV_CURRENT;
}

static bool dump_write(const Dump *d, const void *data, size_t size)
{
    return size == 0 || fwrite(data, 1, size, d->file) == size;
}

static bool dump_segment(const Dump *d, uint32_t type, uint64_t offset,
                         const DumpRun *run)
{
    if (d->wide) {
        Elf64_Phdr p = {.p_type = type,
                        .p_offset = offset,
                        .p_vaddr = run->virt,
                        .p_paddr = run->phys,
                        .p_filesz = run->size,
                        .p_memsz = run->size};

        return dump_write(d, &p, sizeof(p));
    } else {
        Elf32_Phdr p = {.p_type = type,
                        .p_offset = (Elf32_Off)offset,
                        .p_vaddr = (Elf32_Addr)run->virt,
                        .p_paddr = (Elf32_Addr)run->phys,
                        .p_filesz = (Elf32_Word)run->size,
                        .p_memsz = (Elf32_Word)run->size};

        return dump_write(d, &p, sizeof(p));
    }
}

/* Memory is in the file once, however often it is mapped. */
static uint64_t dump_offset(const Dump *d, uint64_t phys)
{
    uint64_t at = 0;

    for (guint i = 0; i < d->ram->len; i++) {
        const DumpRun *ram = &g_array_index(d->ram, DumpRun, i);

        if (phys - ram->phys < ram->size) {
            return at + (phys - ram->phys);
        }
        at += ram->size;
    }
    return 0;
}

static bool dump_headers(Dump *d)
{
    unsigned count = d->runs->len + 1;
    DumpRun notes = {0, 0, d->notes->len};
    uint64_t at;
    bool good;

    if (d->wide) {
        Elf64_Ehdr e;

        header64(d, &e, count);
        at = sizeof(e) + sizeof(Elf64_Phdr) * (uint64_t)count;
        good = dump_write(d, &e, sizeof(e));
    } else {
        Elf32_Ehdr e;

        header32(d, &e, count);
        at = sizeof(e) + sizeof(Elf32_Phdr) * (uint64_t)count;
        good = dump_write(d, &e, sizeof(e));
    }
    good = good && dump_segment(d, PT_NOTE, at, &notes);
    at += notes.size;
    for (guint i = 0; good && i < d->runs->len; i++) {
        const DumpRun *run = &g_array_index(d->runs, DumpRun, i);

        good = dump_segment(d, PT_LOAD, at + dump_offset(d, run->phys), run);
    }
    return good && dump_write(d, d->notes->data, d->notes->len);
}

static bool dump_memory(Dump *d)
{
    uint8_t page[GUEST_PAGE_SIZE];

    for (guint i = 0; i < d->ram->len; i++) {
        const DumpRun *run = &g_array_index(d->ram, DumpRun, i);

        for (uint64_t done = 0; done < run->size;) {
            size_t n = (size_t)MIN(sizeof(page), run->size - done);

            if (!mem_peek(d->vm->mem, run->phys + done, page, n)) {
                memset(page, 0, n);
            }
            if (!dump_write(d, page, n)) {
                return false;
            }
            done += n;
        }
    }
    return true;
}

static bool dump_to(Vm *vm, FILE *file, bool paging, uint64_t begin,
                    uint64_t length, uint64_t *total)
{
    const X86Cpu *first = g_ptr_array_index(vm->vcpus, 0);
    Dump d = {
        .vm = vm,
        .ram = g_array_new(FALSE, FALSE, sizeof(DumpRun)),
        .runs = g_array_new(FALSE, FALSE, sizeof(DumpRun)),
        .begin = begin,
        .length = length,
        .long_mode = first->efer & EFER_LMA,
        .notes = g_byte_array_new(),
        .file = file,
    };
    bool good;

    mem_foreach_ram(vm->mem, dump_ram, &d);
    d.wide = d.long_mode;
    for (guint i = 0; i < d.ram->len; i++) {
        const DumpRun *run = &g_array_index(d.ram, DumpRun, i);

        d.wide = d.wide || run->phys + run->size > UINT32_MAX + 1ull;
        *total += run->size;
    }
    if (paging) {
        dump_mappings(&d);
    } else {
        g_array_append_vals(d.runs, d.ram->data, d.ram->len);
    }
    dump_notes(&d);
    good = dump_headers(&d) && dump_memory(&d) && fflush(file) == 0;
    g_array_free(d.ram, TRUE);
    g_array_free(d.runs, TRUE);
    g_byte_array_unref(d.notes);
    return good;
}

/* --- commands ------------------------------------------------------------------------------ */

static const char dump_key[] = "dump";

static DumpState *dump_state(Vm *vm)
{
    DumpState *s = mon_data(vm, dump_key);

    if (!s) {
        s = g_new0(DumpState, 1);
        s->status = "none";
        mon_set_data(vm, dump_key, s);
    }
    return s;
}

static FILE *dump_open(Vm *vm, const char *protocol, GError **error)
{
    FILE *file;
    int fd;

    if (g_str_has_prefix(protocol, "file:")) {
        fd = fds_open(vm, protocol + 5, O_WRONLY | O_CREAT | O_TRUNC,
                      S_IRUSR | S_IWUSR);
        if (fd < 0) {
            fail_errno(error, errno, "Could not open '%s'", protocol + 5);
        }
    } else if (g_str_has_prefix(protocol, "fd:")) {
        fd = fds_take(vm, protocol + 3);
        if (fd < 0) {
            fail(error, "File descriptor named '%s' has not been found",
                 protocol + 3);
        }
    } else {
        fail(error, "Invalid parameter 'protocol'");
        return NULL;
    }
    if (fd < 0) {
        return NULL;
    }
    file = fdopen(fd, "w");
    g_assert(file);
    return file;
}

static void dump_tell(Vm *vm, const DumpState *s, const char *why)
{
    g_autoptr(JsonNode) node = json_node_alloc();
    JsonObject *data = json_object_new(), *result = json_object_new();
    g_autofree char *text = NULL;

    json_object_set_int_member(result, "total", s->total);
    json_object_set_string_member(result, "status", s->status);
    json_object_set_int_member(result, "completed", s->completed);
    json_object_set_object_member(data, "result", result);
    if (why) {
        json_object_set_string_member(data, "error", why);
    }
    json_node_init_object(node, data);
    json_object_unref(data);
    text = json_to_string(node, FALSE);
    monitor_event(vm, "DUMP_COMPLETED", text);
}

typedef struct DumpWork {
    FILE *file;
    bool paging;
    uint64_t begin, length;
} DumpWork;

static void dump_work(Vm *vm, void *opaque)
{
    DumpWork *w = opaque;
    DumpState *s = dump_state(vm);
    uint64_t total = 0;
    bool good = dump_to(vm, w->file, w->paging, w->begin, w->length, &total);
    int why = good ? 0 : errno;

    if (fclose(w->file) != 0 && good) {
        good = false;
        why = errno;
    }
    s->status = good ? "completed" : "failed";
    s->total = (int64_t)total;
    s->completed = good ? s->total : 0;
    dump_tell(vm, s, good ? NULL : g_strerror(why));
    g_free(w);
}

static bool dump_start(Vm *vm, const CmdIn *in, const char *protocol,
                       bool paging, bool detach, GError **error)
{
    const char *format = cmd_str(in, "format");
    DumpWork *w;
    FILE *file;

    if (format && strcmp(format, "elf") != 0) {
        return fail(error, "format '%s' is not there: elf is", format);
    }
    if (cmd_has(in, "begin") != cmd_has(in, "length")) {
        return fail(error, "Parameter '%s' is missing",
                    cmd_has(in, "begin") ? "length" : "begin");
    }
    if (vm->vcpus->len == 0) {
        return fail(error, "there is no vCPU");
    }
    if (cmd_has(in, "length") && cmd_int(in, "length", 0) <= 0) {
        return fail(error, "Parameter 'length' expects a positive size");
    }
    file = dump_open(vm, protocol, error);
    if (!file) {
        return false;
    }
    w = g_new0(DumpWork, 1);
    *w = (DumpWork){file, paging, (uint64_t)cmd_int(in, "begin", 0),
                    (uint64_t)cmd_int(in, "length", 0)};
    dump_state(vm)->status = "active";
    if (detach) {
        control_ops(vm)->post(vm, dump_work, w);
        return true;
    }
    dump_work(vm, w);
    return strcmp(dump_state(vm)->status, "completed") == 0
           || fail(error, "dump: failed to save memory");
}

static bool cmd_dump(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return dump_start(vm, in, cmd_str(in, "protocol"), cmd_bool(in, "paging"),
                      cmd_bool(in, "detach"), error);
}

static bool cmd_dump_hmp(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    g_autofree char *protocol =
        g_strdup_printf("file:%s", cmd_str(in, "filename"));

    if (cmd_bool(in, "zlib") || cmd_bool(in, "lzo") || cmd_bool(in, "snappy")
        || cmd_bool(in, "win")) {
        return fail(error, "only ELF is written");
    }
    return dump_start(vm, in, protocol, cmd_bool(in, "paging"),
                      cmd_bool(in, "detach"), error);
}

static bool cmd_query_dump(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const DumpState *s = dump_state(vm);
    JsonObject *o = cmd_object(out);

    json_object_set_int_member(o, "total", s->total);
    json_object_set_string_member(o, "status", s->status);
    json_object_set_int_member(o, "completed", s->completed);
    return true;
}

static void print_dump(JsonNode *value, GString *out)
{
    g_string_append_printf(out, "Status: %s\n", node_str(value, "status"));
}

static bool cmd_dump_capability(Vm *vm, const CmdIn *in, CmdOut *out,
                                GError **error)
{
    JsonArray *a = json_array_new();

    json_array_add_string_element(a, "elf");
    json_object_set_array_member(cmd_object(out), "formats", a);
    return true;
}

/* clang-format off */
static const CmdArg args_dump[] = {
    {"paging",   ARG_BOOL, .doc = "with the guest's virtual addresses"},
    {"protocol", ARG_STR, .doc = "file:PATH or fd:NAME"},
    {"detach",   ARG_BOOL, .optional = true, .doc = "answer before it is done"},
    {"begin",    ARG_INT, .optional = true, .doc = "first physical address"},
    {"length",   ARG_INT, .optional = true, .doc = "bytes"},
    {"format",   ARG_STR, .optional = true, .of = "DumpGuestMemoryFormat", .doc = "elf"}, {NULL},
};
static const CmdArg args_dump_hmp[] = {
    {"paging",   ARG_FLAG, .optional = true, .doc = "with the guest's virtual addresses"},
    {"detach",   ARG_FLAG, .optional = true, .doc = "answer before it is done"},
    {"zlib",     ARG_FLAG, .optional = true, .doc = "not there"},
    {"lzo",      ARG_FLAG, .optional = true, .doc = "not there"},
    {"snappy",   ARG_FLAG, .optional = true, .doc = "not there"},
    {"win",      ARG_FLAG, .optional = true, .doc = "not there"},
    {"filename", ARG_STR, .doc = "file to write"},
    {"begin",    ARG_INT, .optional = true, .doc = "first physical address"},
    {"length",   ARG_INT, .optional = true, .doc = "bytes"}, {NULL},
};

const CmdRow cmd_rows_dump[] = {
    {"dump-guest-memory", NULL, args_dump, cmd_dump, NULL, "write a core file", 0},
    {NULL, "dump-guest-memory", args_dump_hmp, cmd_dump_hmp, NULL, "write a core file", 0},
    {"query-dump", "info dump", NULL, cmd_query_dump, print_dump, "what became of the last one", 0, "DumpQueryResult"},
    {"query-dump-guest-memory-capability", NULL, NULL, cmd_dump_capability, NULL, "formats of core files", CMD_IO, "DumpGuestMemoryCapability"},
    {NULL},
};

const QmpType qmp_types_dump[] = {
    {"DumpGuestMemoryFormat", QMP_ENUM, "elf kdump-zlib kdump-lzo kdump-snappy win-dmp"},
    {"DumpGuestMemoryCapability", QMP_OBJECT, "formats:[DumpGuestMemoryFormat]"},
    {NULL},
};
/* clang-format on */
