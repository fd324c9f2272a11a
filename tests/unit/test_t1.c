/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * T1 against T0 in lockstep: random IR, with memory that hits, misses, faults
 * or is a device, run in slices of every small size, so that each instruction
 * is once the last one of a slice. After every slice the whole state is equal.
 */
#include "tests/unit/toy_cpu.h"

#include <string.h>

#include "accel/ir_priv.h"
#include "accel/t1_priv.h"

#define TABLE 0x200000u
#define CODE 0x1000u
#define DATA 0x8000u
#define DATA_PAGES 8u
#define HANDLER 0x3000u
#define INSNS 12u

static uint64_t seed_now;
static uint64_t rng;
static uint64_t native_blocks, steps_made;

static uint32_t rnd(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 33) % n;
}

static uint64_t rnd_value(void)
{
    static const uint64_t edges[] = {
        0,          1,          0x7f,          0x80,       0xff,       0x8000,
        0x7fffffff, 0x80000000, 0xffffffffull, 1ull << 63, UINT64_MAX,
    };
    uint64_t high;

    if (rnd(3) == 0) {
        return edges[rnd(G_N_ELEMENTS(edges))];
    }
    high = rnd(0x7fffffff);
    return high << 33 ^ high << 11 ^ rnd(0x7fffffff);
}

/* --- random instructions ------------------------------------------------------ */

typedef struct Gen {
    IrBuilder *b;
    IrRef pool[64]; /* integer temps of this instruction */
    unsigned count;
    IrRef vec[16];
    unsigned vecs;
} Gen;

static IrRef gen_operand(Gen *g)
{
    if (g->count && rnd(2)) {
        return g->pool[rnd(g->count)];
    }
    return rnd(4) ? IR_G(rnd(16)) : ir_const(g->b, rnd_value());
}

static void gen_add(Gen *g, IrRef r)
{
    if (g->count < G_N_ELEMENTS(g->pool)) {
        g->pool[g->count++] = r;
    }
}

static IrRef gen_vec(Gen *g)
{
    return g->vecs && rnd(2) ? g->vec[rnd(g->vecs)] : IR_G(16 + rnd(2));
}

static void gen_add_vec(Gen *g, IrRef r)
{
    if (g->vecs < G_N_ELEMENTS(g->vec)) {
        g->vec[g->vecs++] = r;
    }
}

static IrRef gen_op(Gen *g, IrRef d)
{
    unsigned w = rnd(2) ? 8 : 4, pos, len;
    IrRef x = gen_operand(g), y = gen_operand(g);

    switch (rnd(9)) {
    case 0:
        return ir_op1(g->b, IR_ext8u + rnd(6), w, d, x);
    case 1:
        return ir_op1(g->b, IR_not + rnd(2), w, d, x);
    case 2:
        return ir_op1(g->b, IR_bswap + rnd(4), w, d, x);
    case 3:
        len = 1 + rnd(w * 8);
        len = rnd(2) ? len : 8u << rnd(2);
        pos = rnd(w * 8 - len + 1);
        if (rnd(2)) {
            pos = len == 8 ? 8 : 0;
        }
        return rnd(3)   ? ir_deposit(g->b, w, d, x, y, pos, len)
               : rnd(2) ? ir_extract(g->b, w, d, x, pos, len)
                        : ir_sextract(g->b, w, d, x, pos, len);
    case 4:
        return ir_setc(g->b, w, d, rnd(12), x, y);
    case 5:
        return ir_select(g->b, w, d, rnd(12), x, y, gen_operand(g),
                         gen_operand(g));
    case 6:
        return ir_op2(g->b, IR_shl + rnd(5), w, d, x,
                      rnd(2) ? y : ir_const(g->b, rnd(70)));
    default:
        return ir_op2(g->b, IR_add + rnd(IR_andn - IR_add + 1), w, d, x, y);
    }
}

static IrRef gen_op_rare(Gen *g)
{
    unsigned w = rnd(2) ? 8 : 4;
    IrRef x = gen_operand(g), y = gen_operand(g);

    return rnd(8) == 0 ? ir_pcrel(g->b, IR_NONE, (int64_t)rnd(8192) - 4096)
                       : ir_op2(g->b, IR_mul + rnd(IR_rems - IR_mul + 1), w,
                                IR_NONE, x, y);
}

static void gen_op_vec(Gen *g)
{
    unsigned size = 1u << rnd(4);

    switch (rnd(4)) {
    case 0:
        gen_add_vec(g, ir_vset(g->b, IR_NONE, gen_operand(g),
                               rnd(2) ? gen_operand(g) : ir_const(g->b, 0)));
        break;
    case 1:
        gen_add_vec(g, ir_vins(g->b, IR_NONE, gen_vec(g), size, rnd(16 / size),
                               gen_operand(g)));
        break;
    case 2:
        gen_add_vec(g, ir_vmov(g->b, IR_NONE, gen_vec(g)));
        break;
    default:
        gen_add(g, ir_vext(g->b, IR_NONE, gen_vec(g), size, rnd(16 / size)));
        break;
    }
}

/* Somewhere in the data pages; rarely far away. */
static IrAddr gen_address(Gen *g)
{
    uint64_t mask = (DATA_PAGES << 12) - 1;
    IrRef x = ir_op2i(g->b, IR_and, 8, IR_NONE, gen_operand(g), mask);
    IrAddr at = {.base = x, .disp = DATA + rnd(16)};

    switch (rnd(5)) {
    case 0: /* with an index */
        at.index = ir_op2i(g->b, IR_and, 8, IR_NONE, gen_operand(g), 0x3f);
        at.shift = rnd(4);
        break;
    case 1:
        at.mem = IR_MEM_ADDR32;
        at.disp += (int64_t)rnd(3) << 32;
        break;
    case 2:
        at.base = ir_const(g->b, rnd((uint32_t)mask));
        break;
    default:
        break;
    }
    return at;
}

static void gen_load(Gen *g)
{
    unsigned size = 1u << rnd(5), mem = 0;
    IrAddr at = gen_address(g);

    if (size < 8 && rnd(2)) {
        mem = rnd(2) ? IR_MEM_SIGNED : IR_MEM_SIGNED32;
    }
    if (rnd(12) == 0) {
        mem |= IR_MEM_BE;
    }
    if (size == 16) {
        gen_add_vec(g, ir_ld(g->b, IR_NONE, at, 16, 0));
    } else {
        gen_add(g, ir_ld(g->b, IR_NONE, at, size, mem));
    }
}

/* The last op that may fault: a store, a checked update, or a probe. */
static void gen_store(Gen *g)
{
    unsigned size = 1u << rnd(4);
    IrAddr at = gen_address(g);
    IrRef x;

    switch (rnd(4)) {
    case 0:
        x = ir_ld(g->b, IR_NONE, at, size, IR_MEM_INTENT);
        x = ir_op2(g->b, IR_add, 8, IR_NONE, x, gen_operand(g));
        gen_op(g, IR_G(rnd(16)));
        /* the address may not change before it is used */
        if (IR_IS_TEMP(at.base) || IR_IS_CONST(at.base)) {
            ir_st(g->b, at, size, IR_MEM_NOFAULT, x);
        }
        break;
    case 1:
        ir_probe(g->b, at, size + rnd(40));
        ir_st(g->b, at, size, IR_MEM_NOFAULT, gen_operand(g));
        break;
    case 2:
        ir_st(g->b, at, 16, 0, gen_vec(g));
        break;
    default:
        ir_st(g->b, at, size, rnd(12) ? 0 : IR_MEM_BE, gen_operand(g));
        break;
    }
}

static void gen_commit(Gen *g)
{
    for (unsigned n = rnd(4); n > 0; n--) {
        switch (rnd(4)) {
        case 0:
            ir_mov(g->b, IR_G(rnd(16)), gen_operand(g));
            break;
        case 1:
            if (g->vecs) {
                ir_vmov(g->b, IR_G(16 + rnd(2)), g->vec[rnd(g->vecs)]);
            }
            break;
        default:
            gen_op(g, IR_G(rnd(16)));
            break;
        }
    }
}

static void gen_control(Gen *g, uint32_t off)
{
    unsigned w = rnd(2) ? 8 : 4;

    if (rnd(3) == 0) {
        ir_skip(g->b, w, rnd(12), gen_operand(g), gen_operand(g));
        ir_op2i(g->b, IR_add, 8, IR_G(rnd(16)), IR_G(rnd(16)), rnd(100));
        ir_label(g->b);
        g->count = g->vecs = 0;
    }
    if (rnd(3) == 0) { /* mostly onwards */
        uint32_t to = rnd(4) ? off + 4 * (1 + rnd(4)) : off - off % 64;

        ir_brc(g->b, w, rnd(12), gen_operand(g), gen_operand(g), to);
    }
    if (rnd(16) == 0) {
        ir_exit_indirect(g->b, ir_const(g->b, CODE + off + 4), rnd(2));
    }
}

static void emit_random(IrBuilder *b)
{
    uint32_t off = (uint32_t)b->op_store[b->block.op_count - 1].imm;
    Gen g = {.b = b};

    rng = (seed_now * 64 + off / 4 + 1) * 0x9e3779b97f4a7c15ull;
    rnd(2);
    for (unsigned n = rnd(6); n > 0; n--) {
        switch (rnd(6)) {
        case 0:
        case 1:
            gen_load(&g);
            break;
        case 2:
            gen_op_vec(&g);
            break;
        case 3:
            gen_add(&g, gen_op_rare(&g));
            break;
        default:
            gen_add(&g, gen_op(&g, IR_NONE));
            break;
        }
    }
    if (rnd(2)) {
        gen_store(&g);
    }
    gen_commit(&g);
    gen_control(&g, off);
}

/* --- runs ------------------------------------------------------------------------ */

typedef struct Shot {
    uint64_t icount, pc, stop;
    uint64_t r[16];
    V128 x[2];
    uint64_t fault_pc, fault_va, faults;
    uint64_t io_value, io_icount, io_count;
    uint64_t memory;
} Shot;

static uint64_t sum(const uint8_t *p, size_t n)
{
    uint64_t h = 14695981039346656037ull, w;

    for (size_t i = 0; i < n; i += 8) {
        memcpy(&w, p + i, 8);
        h = (h ^ w) * 1099511628211ull;
        h ^= h >> 29;
    }
    return h;
}

static void setup(Toy *t)
{
    uint32_t at = CODE;

    rng = seed_now * 0x9e3779b97f4a7c15ull + 7;
    t->emit = emit_random;
    for (unsigned i = 0; i < INSNS; i++) {
        at = toy_put(t, at, TOY_EMIT, 0, 0, 0);
    }
    if (rnd(2)) {
        at = toy_put(t, at, rnd(2) ? TOY_COUNT : TOY_LDB, rnd(16), 0, 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        at = toy_put(t, at, TOY_WAIT, 0, 0, 0);
    }
    toy_put(t, HANDLER, TOY_WAIT, 0, 0, 0);
    t->c->vector = HANDLER;
    for (unsigned i = 0; i < 16; i++) {
        t->c->r[i] = rnd_value();
    }
    for (unsigned i = 0; i < DATA_PAGES << 12; i++) {
        t->ram[DATA + i] = (uint8_t)(i * 7 + (i >> 8));
    }
    toy_paging(t, TABLE);
    toy_map(t, CODE, CODE, TOY_PTE_P | TOY_PTE_X | TOY_PTE_W);
    toy_map(t, HANDLER, HANDLER, TOY_PTE_P | TOY_PTE_X);
    for (unsigned p = 0; p <= DATA_PAGES; p++) {
        unsigned bits = TOY_PTE_P | TOY_PTE_W;
        uint64_t phys = DATA + ((uint64_t)p << 12);

        switch (rnd(12)) {
        case 0:
            bits = 0;
            break;
        case 1:
            bits = TOY_PTE_P;
            break;
        case 2:
            phys = TOY_MMIO;
            break;
        case 3:
            phys = CODE; /* stores over the program */
            break;
        default:
            break;
        }
        toy_map(t, DATA + (p << 12), phys, bits);
    }
    t->c->v.pc = CODE;
}

static Shot shoot(Toy *t, VcpuStop stop)
{
    const ToyIo *io = toy_io(t);
    Shot s = {
        .icount = toy_icount(t),
        .pc = t->c->v.pc,
        .stop = stop,
        .fault_pc = t->c->fault_pc,
        .fault_va = t->c->fault_va,
        .faults = t->c->faults,
        .io_value = io->value,
        .io_icount = io->icount,
        .io_count = (uint64_t)io->reads << 32 | io->writes,
        .memory = sum(t->ram + CODE, DATA + (DATA_PAGES << 12) - CODE)
                  ^ sum(t->ram + TABLE, 4096),
    };

    memcpy(s.r, t->c->r, sizeof(s.r));
    memcpy(s.x, t->c->x, sizeof(s.x));
    return s;
}

/* All slices of a run; the number of them. */
static unsigned play(const char *options, unsigned slice, Shot *out,
                     unsigned max)
{
    Toy *t = toy_new(options);
    unsigned n = 0;
    VcpuStop stop;

    setup(t);
    while (n < max) {
        stop = vcpu_run(&t->c->v, slice);
        out[n++] = shoot(t, stop);
        if (stop == VCPU_STOP_HALT) {
            break;
        }
    }
    steps_made += toy_icount(t);
    if (accel_of(t->vm)->t1) {
        native_blocks += accel_of(t->vm)->t1->compiled;
    }
    toy_free(t);
    return n;
}

static void compare(unsigned slice, const char *jit)
{
    enum {
        MAX = 80
    };
    static Shot a[MAX], b[MAX];
    unsigned x = play("engine=interp", slice, a, MAX);
    unsigned y = play(jit, slice, b, MAX);

    for (unsigned i = 0; i < MIN(x, y); i++) {
        for (unsigned w = 0; w < sizeof(Shot) / 8; w++) {
            uint64_t p = ((const uint64_t *)&a[i])[w];
            uint64_t q = ((const uint64_t *)&b[i])[w];

            if (p != q) {
                g_error("seed %" G_GUINT64_FORMAT
                        " slice %u, stop %u, pc %" G_GINT64_MODIFIER
                        "x: word %u is %" G_GINT64_MODIFIER
                        "x in T0, %" G_GINT64_MODIFIER "x in T1",
                        seed_now, slice, i, a[i].pc, w, p, q);
            }
        }
    }
    g_assert_cmpuint(x, ==, y);
}

static void test_lockstep(void)
{
    static const unsigned slices[] = {1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 100};

    for (seed_now = 1; seed_now <= 150; seed_now++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(slices); i++) {
            compare(slices[i], "engine=jit");
        }
    }
#if defined(__x86_64__)
    g_assert_cmpuint(native_blocks, >, 1000);
#endif
    g_test_message("%" G_GUINT64_FORMAT " steps, %" G_GUINT64_FORMAT
                   " native blocks",
                   steps_made, native_blocks);
}

static void test_lockstep_options(void)
{
    for (seed_now = 1000; seed_now <= 1100; seed_now++) {
        compare(100, "engine=jit,max-insns=3");
        compare(7, "engine=jit,random-length=on,test-seed=5");
        compare(100, "engine=jit,flush-every=3,l1-bits=6");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/t1/lockstep", test_lockstep);
    g_test_add_func("/t1/lockstep-options", test_lockstep_options);
    return g_test_run();
}
