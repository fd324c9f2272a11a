/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes as x86 code in six modes. Interpreter and generated code, whole blocks
 * and single instructions, flushed caches and short slices must all come to the
 * same state after each part of the run.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/x86_box.h"

#define CODE_AT 0x4000u
#define CODE_MAX 512
#define DATA_AT 0x20000u
#define IDT64_AT 0x6800u
#define HANDLER16 0x3000u
#define HANDLER32 0x3100u
#define HANDLER64 0x3200u
#define WITH_ERROR 0x10u /* the handler's other entry */
#define CODE16 0x88u
#define TABLES_END 0x20000u /* zeroes behind, in all modes */
#define STEPS 160
#define PARTS 2
#define TURNS_MAX 10000

typedef struct Config {
    const char *options;
    bool jit;
    uint32_t slice;
} Config;

static const Config configs[] = {
    {"tcg,verify=on", false, STEPS},
    {"tcg,verify=on,max-insns=1,l1-bits=6", false, 7},
    {"tcg,random-length=on,flush-every=7,test-seed=5", false, 11},
    {"tcg,verify=on", true, STEPS},
    {"tcg,random-length=on,flush-every=5,l1-bits=6", true, 13},
};

typedef enum Mode {
    MODE_REAL,
    MODE_PROT16,
    MODE_PROT32,
    MODE_USER32,
    MODE_COMPAT,
    MODE_LONG,
    MODE_USER64,
    MODE_COUNT
} Mode;

typedef struct Rig {
    Box *box;
    Mode ram_of; /* what clean pages hold */
} Rig;

typedef struct Start {
    GByteArray *cpu, *clock; /* owned */
    uint8_t *ram;            /* owned */
} Start;

typedef struct Bank {
    Rig rig[G_N_ELEMENTS(configs)];
    Start start[MODE_COUNT];
    size_t ram_bytes;
} Bank;

/* --- where inputs start ------------------------------------------------------- */

static bool has_error(unsigned vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/* Handlers step over one byte, so that the code goes on. */
static void put_handlers(Box *b)
{
    static const char in16[] = "\x55\x89\xe5\xff\x46\x02\x5d\xcf";
    static const char in32[] = "\xff\x04\x24\xcf";
    static const char in32e[] = "\x83\xc4\x04\xff\x04\x24\xcf";
    static const char in64[] = "\x48\xff\x04\x24\x48\xcf";
    static const char in64e[] = "\x48\x83\xc4\x08\x48\xff\x04\x24\x48\xcf";

    memcpy(b->ram + HANDLER16, in16, sizeof(in16) - 1);
    memcpy(b->ram + HANDLER32, in32, sizeof(in32) - 1);
    memcpy(b->ram + HANDLER32 + WITH_ERROR, in32e, sizeof(in32e) - 1);
    memcpy(b->ram + HANDLER64, in64, sizeof(in64) - 1);
    memcpy(b->ram + HANDLER64 + WITH_ERROR, in64e, sizeof(in64e) - 1);
    for (unsigned i = 0; i < 256; i++) {
        uint32_t entry = has_error(i) ? WITH_ERROR : 0;

        box_put(b, 4 * i, 4, HANDLER16);
        box_put(b, IDT_AT + 8 * i, 8,
                box_gate(CODE0, HANDLER32 + entry, 0xee, 0));
        if (i < 64) {
            box_put(b, IDT64_AT + 16 * i, 8,
                    box_gate(CODE64, HANDLER64 + entry, 0xee, 0));
        }
    }
}

static void set_real(Box *b)
{
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        x86_set_seg(b->c, i, 0, 0, 0xffff, i == X86_CS ? 0x9b : 0x93);
    }
    x86_update_mode(b->c);
    b->c->v.pc = CODE_AT;
    b->c->gpr[X86_RSP] = 0x9000;
}

static void to_user64(Box *b)
{
    static const uint64_t frame[] = {CODE_AT, CODE64_3, 0x202, 0xb000,
                                     DATA64_3};

    for (unsigned i = 0; i < G_N_ELEMENTS(frame); i++) {
        box_put(b, 0x8f00 + 8 * i, 8, frame[i]);
    }
    b->c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, 8, 0, 0, 0);
    g_assert_false(b->c->v.fault);
}

static void set_mode(Box *b, Mode mode)
{
    if (mode == MODE_REAL) {
        set_real(b);
        return;
    }
    if (mode >= MODE_COMPAT) {
        box_long(b);
        b->c->idt = (X86Table){.base = IDT64_AT, .limit = 0x3ff};
    } else {
        box_protected(b);
    }
    if (mode == MODE_PROT16) {
        box_put(b, GDT_AT + CODE16, 8, box_desc(0, 0xffff, 0x9a, 0));
        CALL(b, far_jmp, CODE16, CODE_AT, 4, 0);
    } else if (mode == MODE_COMPAT) {
        CALL(b, far_jmp, CODE0, CODE_AT, 4, 0);
    } else if (mode == MODE_USER32) {
        box_ring3(b);
        b->c->v.pc = CODE_AT;
    } else if (mode == MODE_USER64) {
        to_user64(b);
    }
}

/* SSE and AVX for what runs as most programs do; the others find #UD. */
static void allow_vectors(Box *b, Mode mode)
{
    if (mode >= MODE_USER32) {
        b->c->cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE
                     | X86_CR4_FSGSBASE;
        b->c->xcr0 = 7;
        x86_update_mode(b->c);
    }
}

static GByteArray *clock_save(Vm *vm)
{
    GByteArray *a = g_byte_array_new();
    Codec c;

    codec_init_write(&c, a);
    clock_codec(vm->clock, &c);
    return a;
}

static void make_start(Bank *k, Mode mode)
{
    Box *b = k->rig[0].box;
    Start *s = &k->start[mode];

    memset(b->ram, 0, k->ram_bytes);
    devices_reset(b->vm);
    put_handlers(b);
    set_mode(b, mode);
    allow_vectors(b, mode);
    vcpu_fetch_again(&b->c->v);
    s->cpu = g_byte_array_new();
    state_save(&b->c->v.dev, s->cpu);
    s->clock = clock_save(b->vm);
    s->ram = g_memdup2(b->ram, k->ram_bytes);
}

static Box *make_box(const Config *c)
{
    if (c->jit) {
        g_setenv("REPRISE_TEST_JIT", "1", TRUE);
    } else {
        g_unsetenv("REPRISE_TEST_JIT");
    }
    return box_new_with("max", true, c->options);
}

static Bank *bank(void)
{
    static Bank k; /* making one takes longer than most inputs */

    if (k.ram_bytes) {
        return &k;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        k.rig[i] = (Rig){make_box(&configs[i]), MODE_COUNT};
        ram_client_enable(k.rig[i].box->vm, RAM_CLIENT_SUMMARY);
    }
    k.ram_bytes = ram_page_count(k.rig[0].box->vm->ram) * GUEST_PAGE_SIZE;
    for (Mode m = 0; m < MODE_COUNT; m++) {
        make_start(&k, m);
    }
    return &k;
}

static void restore_ram(Bank *k, Rig *r, Mode mode)
{
    g_autoptr(GArray) dirty =
        ram_client_collect(r->box->vm, RAM_CLIENT_SUMMARY);

    if (r->ram_of != mode) {
        memcpy(r->box->ram, k->start[mode].ram, TABLES_END);
        r->ram_of = mode;
    }
    for (guint i = 0; i < dirty->len; i++) {
        size_t at = (size_t)g_array_index(dirty, RamPage, i) * GUEST_PAGE_SIZE;

        memcpy(r->box->ram + at, k->start[mode].ram + at, GUEST_PAGE_SIZE);
    }
}

static void restore(Bank *k, Rig *r, Mode mode)
{
    const Start *s = &k->start[mode];
    Vm *vm = r->box->vm;
    g_autoptr(GError) error = NULL;
    Codec c;

    restore_ram(k, r, mode);
    accel_flush_code(vm);
    codec_init_read(&c, s->clock->data, s->clock->len);
    g_assert_true(clock_codec(vm->clock, &c));
    state_load(&r->box->c->v.dev, s->cpu->data, s->cpu->len, &error);
    g_assert_no_error(error);
    vm->requests = 0;
    vm->horizon = false;
}

/* --- one input ----------------------------------------------------------------- */

typedef struct Input {
    Mode mode;
    uint64_t gpr[16], xmm[4], flags;
    const uint8_t *code;
    size_t size;
} Input;

static uint64_t mix(uint64_t v)
{
    v = (v ^ (v >> 31)) * 0x9e3779b97f4a7c15u;
    v = (v ^ (v >> 29)) * 0xbf58476d1ce4e5b9u;
    return v ^ (v >> 32);
}

/* First byte: mode; second: what registers hold. */
static void input_parse(Input *t, const uint8_t *data, size_t size)
{
    FuzzIn in = {data, size};
    uint64_t seed;

    t->mode = (Mode)(fuzz_take(&in, 1) % MODE_COUNT);
    seed = mix(fuzz_take(&in, 1) + 1);
    for (unsigned i = 0; i < 16; i++) {
        static const uint64_t some[] = {0,          1,          DATA_AT,
                                        0x7fffffff, 0xffffffff, UINT64_MAX};
        uint64_t v = mix(seed + i);

        t->gpr[i] = v & 1   ? some[(v >> 8) % G_N_ELEMENTS(some)]
                    : v & 2 ? DATA_AT + (v >> 8 & 0xfff)
                            : v;
    }
    for (unsigned i = 0; i < 4; i++) {
        t->xmm[i] = mix(seed ^ (77 + i));
    }
    t->flags = 2 | (seed & 0x8d5); /* OSZAPC */
    t->code = in.at;
    t->size = MIN(in.left, CODE_MAX);
}

static void input_place(const Input *t, Box *b)
{
    static const uint8_t stop[] = {0xeb, 0xfe};
    X86Cpu *c = b->c;

    for (unsigned i = 0; i < 16; i++) {
        if (i != X86_RSP && (i < 8 || t->mode >= MODE_COMPAT)) {
            c->gpr[i] = t->mode < MODE_LONG ? (uint32_t)t->gpr[i] : t->gpr[i];
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        c->xmm[i].u64[0] = t->xmm[i];
        c->xmm[i].u64[1] = t->xmm[3 - i];
        c->ymmh[i].u64[0] = mix(t->xmm[i]);
        c->ymmh[i].u64[1] = t->xmm[i] & 3 ? t->xmm[i] : 0;
    }
    x86_cpu_set_eflags(c, x86_cpu_eflags(c) | t->flags);
    for (uint32_t i = 0; i < 0x1000; i += 8) {
        uint64_t v = mix(i ^ t->xmm[0]);

        mem_poke(b->vm->mem, DATA_AT + i, &v, sizeof(v));
    }
    mem_poke(b->vm->mem, CODE_AT, t->code, t->size);
    mem_poke(b->vm->mem, CODE_AT + t->size, stop, sizeof(stop));
}

static void run_to(Box *b, uint64_t icount, uint32_t slice)
{
    Vcpu *v = &b->c->v;
    uint64_t now;

    for (unsigned turns = 0; !b->vm->requests; turns++) {
        g_assert_cmpuint(turns, <, TURNS_MAX);
        now = clock_icount(b->vm->clock);
        g_assert_cmpuint(now, <=, icount);
        if (now == icount || !v->ops->runnable(v)) {
            break;
        }
        b->vm->horizon = false;
        vcpu_run(v, (uint32_t)MIN(icount - now, slice));
    }
}

/* --- comparing ------------------------------------------------------------------ */

static void note_row(void *opaque, const char *row, const char *value)
{
    g_ptr_array_add(opaque, g_strdup_printf("%s = %s", row, value));
}

static void complain(const Box *a, const Box *b, unsigned config,
                     const Input *t, const char *what)
{
    g_autoptr(GPtrArray) x = g_ptr_array_new(), y = g_ptr_array_new();

    state_foreach(&a->c->v.dev, note_row, x);
    state_foreach(&b->c->v.dev, note_row, y);
    for (guint i = 0; i < x->len; i++) {
        const char *p = g_ptr_array_index(x, i), *q = g_ptr_array_index(y, i);

        if (!g_str_equal(p, q)) {
            g_printerr("%.200s\n  but: %.200s\n", p, q);
        }
    }
    g_printerr("icount %" PRIu64 " and %" PRIu64 "\n",
               clock_icount(a->vm->clock), clock_icount(b->vm->clock));
    g_error("mode %d: '%s'%s slice %u differs in %s", (int)t->mode,
            configs[config].options, configs[config].jit ? " jit" : "",
            configs[config].slice, what);
}

static void compare_pages(const Box *a, const Box *b, const GArray *pages,
                          unsigned config, const Input *t)
{
    for (guint i = 0; i < pages->len; i++) {
        size_t at = (size_t)g_array_index(pages, RamPage, i) * GUEST_PAGE_SIZE;

        if (memcmp(a->ram + at, b->ram + at, GUEST_PAGE_SIZE) != 0) {
            g_printerr("page %#zx\n", at);
            complain(a, b, config, t, "RAM");
        }
    }
}

static void compare(const Box *a, const Box *b, unsigned config, const Input *t)
{
    g_autoptr(GArray) x = ram_client_collect(a->vm, RAM_CLIENT_SUMMARY);
    g_autoptr(GArray) y = ram_client_collect(b->vm, RAM_CLIENT_SUMMARY);

    if (clock_icount(a->vm->clock) != clock_icount(b->vm->clock)) {
        complain(a, b, config, t, "icount");
    }
    if (a->vm->requests != b->vm->requests) {
        complain(a, b, config, t, "requests");
    }
    if (state_digest(&a->c->v.dev) != state_digest(&b->c->v.dev)) {
        complain(a, b, config, t, "state");
    }
    compare_pages(a, b, x, config, t);
    compare_pages(a, b, y, config, t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Bank *k = bank();
    Box *first = k->rig[0].box;
    Input t;

    input_parse(&t, data, size);
    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        restore(k, &k->rig[i], t.mode);
        input_place(&t, k->rig[i].box);
    }
    for (uint64_t part = 1; part <= PARTS; part++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
            run_to(k->rig[i].box, part * STEPS, configs[i].slice);
            if (i > 0) {
                compare(first, k->rig[i].box, i, &t);
            }
        }
    }
    return 0;
}
