/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer instructions in 64-bit mode against the host CPU: rows of encodings,
 * random registers, memory and flags. Flags that the manual leaves undefined
 * are masked per row. (Other modes: test_x86_modes.c.)
 */
#include "tests/unit/x86_rig.h"

#include <string.h>

#define ALL X86_ARITH
#define NO_AF (ALL & ~X86_AF)

/* --- random input ---------------------------------------------------------- */

static uint64_t rng = 0x9e3779b97f4a7c15ull;

static uint64_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * 0x2545f4914f6cdd1dull;
}

static unsigned rnd_below(unsigned n)
{
    return (rnd() >> 33) % n;
}

/* Edges as often as anything. */
static uint64_t rnd_value(void)
{
    static const uint64_t edge[] = {
        0,          1,          2,          0x7f,       0x80,
        0xff,       0x7fff,     0x8000,     0xffff,     0x7fffffff,
        0x80000000, 0xffffffff, 1ull << 63, ~0ull >> 1, ~0ull,
    };

    switch (rnd_below(4)) {
    case 0:
        return edge[rnd_below(G_N_ELEMENTS(edge))];
    case 1:
        return rnd() & 0xff;
    default:
        return rnd();
    }
}

static void rnd_state(RigState *s)
{
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = rnd_value();
    }
    s->gpr[X86_RSP] = RIG_STACK;
    s->flags = (rnd() & ALL) | 0x202;
    for (unsigned i = 0; i < sizeof(s->data); i += 8) {
        uint64_t v = rnd_value();

        memcpy(s->data + i, &v, 8);
    }
    memset(s->stack, 0x5a, sizeof(s->stack));
}

/* --- one piece of code, both CPUs ------------------------------------------ */

typedef struct Code {
    uint8_t bytes[160];
    unsigned size;
} Code;

static void put(Code *c, unsigned byte)
{
    g_assert_cmpuint(c->size, <, sizeof(c->bytes));
    c->bytes[c->size++] = byte;
}

static void put_imm(Code *c, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        put(c, (uint8_t)(v >> (8 * i)));
    }
}

static void fail_with(const char *what, const Code *c, const RigState *in,
                      const RigState *host, const RigState *mine)
{
    g_autoptr(GString) out = g_string_new(what);

    g_string_append(out, ":");
    for (unsigned i = 0; i < c->size; i++) {
        g_string_append_printf(out, " %02x", c->bytes[i]);
    }
    for (unsigned i = 0; i < 16; i++) {
        g_string_append_printf(out,
                               "\n  r%-2u in %016" PRIx64 " host %016" PRIx64
                               " mine %016" PRIx64 "%s",
                               i, in->gpr[i], host->gpr[i], mine->gpr[i],
                               host->gpr[i] == mine->gpr[i] ? "" : " <--");
    }
    g_string_append_printf(
        out, "\n  flags in %" PRIx64 " host %" PRIx64 " mine %" PRIx64,
        in->flags, host->flags, mine->flags);
    for (unsigned i = 0; i < sizeof(in->data); i++) {
        if (host->data[i] != mine->data[i]) {
            g_string_append_printf(out,
                                   "\n  data %x in %02x host %02x mine"
                                   " %02x",
                                   i, in->data[i], host->data[i],
                                   mine->data[i]);
        }
    }
    g_test_message("%s", out->str);
    g_test_fail();
}

static unsigned failures;

static void compare(Rig *r, const char *what, const Code *c, RigState *in,
                    uint32_t defined, unsigned steps)
{
    static RigState host, mine;

    host = mine = *in;
    if (!rig_host(c->bytes, c->size, &host)) {
        return;
    }
    rig_guest(r, &mine, steps);
    uint32_t mask = defined | X86_DF;
    bool good = memcmp(host.gpr, mine.gpr, sizeof(host.gpr)) == 0
                && ((host.flags ^ mine.flags) & mask) == 0
                && memcmp(host.data, mine.data, sizeof(host.data)) == 0
                && memcmp(host.stack, mine.stack, sizeof(host.stack)) == 0
                && r->c->v.pc == RIG_CODE + c->size;
    if (!good && failures++ < 20) {
        fail_with(what, c, in, &host, &mine);
    }
}

/* --- rows ------------------------------------------------------------------ */

typedef enum Kind {
    K_E,    /* ModRM, extension in reg */
    K_EG,   /* ModRM, both */
    K_Z,    /* register in the opcode */
    K_NONE, /* no operand */
    K_VEX,  /* pp and map in the row; W by size; vvvv random */
} Kind;

typedef struct Row {
    const char *name;
    uint8_t kind;
    uint8_t map; /* 0, 1, 2, 3 */
    uint8_t op;
    uint8_t ext;    /* K_E: reg; K_VEX: pp | 0x10 when reg is an extension
                       (then reg = ext >> 5) */
    uint8_t imm;    /* bytes; 0xff: operand size, at most 4 */
    uint8_t sizes;  /* mask of 1 2 4 8 */
    uint8_t prefix; /* f2, f3 or 0 */
    uint8_t where;  /* W_ */
    uint32_t defined;
} Row;
enum {
    W_ANY,
    W_MEM,
    W_REG
};

/* clang-format off */
static const Row rows[] = {
#define ALU(name, n, f) \
    {name " eb", K_EG, 0, n * 8 + 0, 0, 0, 1, 0, W_ANY, f}, \
    {name " ev", K_EG, 0, n * 8 + 1, 0, 0, 14, 0, W_ANY, f}, \
    {name " gb", K_EG, 0, n * 8 + 2, 0, 0, 1, 0, W_ANY, f}, \
    {name " gv", K_EG, 0, n * 8 + 3, 0, 0, 14, 0, W_ANY, f}, \
    {name " al", K_NONE, 0, n * 8 + 4, 0, 1, 1, 0, W_ANY, f}, \
    {name " ax", K_NONE, 0, n * 8 + 5, 0, 0xff, 14, 0, W_ANY, f}, \
    {name " eb,i", K_E, 0, 0x80, n, 1, 1, 0, W_ANY, f}, \
    {name " ev,i", K_E, 0, 0x81, n, 0xff, 14, 0, W_ANY, f}, \
    {name " ev,i8", K_E, 0, 0x83, n, 1, 14, 0, W_ANY, f}
    ALU("add", 0, ALL), ALU("or", 1, NO_AF), ALU("adc", 2, ALL),
    ALU("sbb", 3, ALL), ALU("and", 4, NO_AF), ALU("sub", 5, ALL),
    ALU("xor", 6, NO_AF), ALU("cmp", 7, ALL),
#undef ALU
    {"test eb", K_EG, 0, 0x84, 0, 0, 1, 0, W_ANY, NO_AF},
    {"test ev", K_EG, 0, 0x85, 0, 0, 14, 0, W_ANY, NO_AF},
    {"test al", K_NONE, 0, 0xa8, 0, 1, 1, 0, W_ANY, NO_AF},
    {"test ax", K_NONE, 0, 0xa9, 0, 0xff, 14, 0, W_ANY, NO_AF},
    {"test eb,i", K_E, 0, 0xf6, 0, 1, 1, 0, W_ANY, NO_AF},
    {"test ev,i", K_E, 0, 0xf7, 1, 0xff, 14, 0, W_ANY, NO_AF},
    {"not eb", K_E, 0, 0xf6, 2, 0, 1, 0, W_ANY, ALL},
    {"not ev", K_E, 0, 0xf7, 2, 0, 14, 0, W_ANY, ALL},
    {"neg eb", K_E, 0, 0xf6, 3, 0, 1, 0, W_ANY, ALL},
    {"neg ev", K_E, 0, 0xf7, 3, 0, 14, 0, W_ANY, ALL},
    {"mul eb", K_E, 0, 0xf6, 4, 0, 1, 0, W_ANY, X86_CF | X86_OF},
    {"mul ev", K_E, 0, 0xf7, 4, 0, 14, 0, W_ANY, X86_CF | X86_OF},
    {"imul eb", K_E, 0, 0xf6, 5, 0, 1, 0, W_ANY, X86_CF | X86_OF},
    {"imul ev", K_E, 0, 0xf7, 5, 0, 14, 0, W_ANY, X86_CF | X86_OF},
    {"imul gv,ev", K_EG, 1, 0xaf, 0, 0, 14, 0, W_ANY, X86_CF | X86_OF},
    {"imul gv,ev,i", K_EG, 0, 0x69, 0, 0xff, 14, 0, W_ANY, X86_CF | X86_OF},
    {"imul gv,ev,i8", K_EG, 0, 0x6b, 0, 1, 14, 0, W_ANY, X86_CF | X86_OF},
    {"inc eb", K_E, 0, 0xfe, 0, 0, 1, 0, W_ANY, ALL},
    {"inc ev", K_E, 0, 0xff, 0, 0, 14, 0, W_ANY, ALL},
    {"dec eb", K_E, 0, 0xfe, 1, 0, 1, 0, W_ANY, ALL},
    {"dec ev", K_E, 0, 0xff, 1, 0, 14, 0, W_ANY, ALL},
    {"mov eb,gb", K_EG, 0, 0x88, 0, 0, 1, 0, W_ANY, ALL},
    {"mov ev,gv", K_EG, 0, 0x89, 0, 0, 14, 0, W_ANY, ALL},
    {"mov gb,eb", K_EG, 0, 0x8a, 0, 0, 1, 0, W_ANY, ALL},
    {"mov gv,ev", K_EG, 0, 0x8b, 0, 0, 14, 0, W_ANY, ALL},
    {"mov eb,i", K_E, 0, 0xc6, 0, 1, 1, 0, W_ANY, ALL},
    {"mov ev,i", K_E, 0, 0xc7, 0, 0xff, 14, 0, W_ANY, ALL},
    {"mov zb,i", K_Z, 0, 0xb0, 0, 1, 1, 0, W_ANY, ALL},
    {"mov zd,i", K_Z, 0, 0xb8, 0, 4, 4, 0, W_ANY, ALL},
    {"mov zq,i", K_Z, 0, 0xb8, 0, 8, 8, 0, W_ANY, ALL},
    {"movzx b", K_EG, 1, 0xb6, 0, 0, 14, 0, W_ANY, ALL},
    {"movzx w", K_EG, 1, 0xb7, 0, 0, 14, 0, W_ANY, ALL},
    {"movsx b", K_EG, 1, 0xbe, 0, 0, 14, 0, W_ANY, ALL},
    {"movsx w", K_EG, 1, 0xbf, 0, 0, 14, 0, W_ANY, ALL},
    {"movsxd", K_EG, 0, 0x63, 0, 0, 14, 0, W_ANY, ALL},
    {"lea", K_EG, 0, 0x8d, 0, 0, 14, 0, W_MEM, ALL},
    {"xchg eb", K_EG, 0, 0x86, 0, 0, 1, 0, W_ANY, ALL},
    {"xchg ev", K_EG, 0, 0x87, 0, 0, 14, 0, W_ANY, ALL},
    {"xchg z", K_Z, 0, 0x90, 0, 0, 14, 0, W_ANY, ALL},
    {"xadd eb", K_EG, 1, 0xc0, 0, 0, 1, 0, W_ANY, ALL},
    {"xadd ev", K_EG, 1, 0xc1, 0, 0, 14, 0, W_ANY, ALL},
    {"cmpxchg eb", K_EG, 1, 0xb0, 0, 0, 1, 0, W_ANY, ALL},
    {"cmpxchg ev", K_EG, 1, 0xb1, 0, 0, 14, 0, W_ANY, ALL},
    {"cmpxchg8b", K_E, 1, 0xc7, 1, 0, 4, 0, W_MEM, ALL},
    {"bswap", K_Z, 1, 0xc8, 0, 0, 12, 0, W_ANY, ALL},
    {"cbw", K_NONE, 0, 0x98, 0, 0, 14, 0, W_ANY, ALL},
    {"cwd", K_NONE, 0, 0x99, 0, 0, 14, 0, W_ANY, ALL},
    {"push z", K_Z, 0, 0x50, 0, 0, 6, 0, W_ANY, ALL},
    {"pop z", K_Z, 0, 0x58, 0, 0, 6, 0, W_ANY, ALL},
    {"push e", K_E, 0, 0xff, 6, 0, 6, 0, W_ANY, ALL},
    {"pop e", K_E, 0, 0x8f, 0, 0, 6, 0, W_ANY, ALL},
    {"push i8", K_NONE, 0, 0x6a, 0, 1, 6, 0, W_ANY, ALL},
    {"push i", K_NONE, 0, 0x68, 0, 0xff, 6, 0, W_ANY, ALL},
    {"enter 16,0", K_NONE, 0, 0xc8, 0, 3, 0, 0, W_ANY, ALL},
    {"rol eb,i", K_E, 0, 0xc0, 0, 1, 1, 0, W_ANY, ALL & ~X86_OF},
    {"rol ev,i", K_E, 0, 0xc1, 0, 1, 14, 0, W_ANY, ALL & ~X86_OF},
    {"ror eb,i", K_E, 0, 0xc0, 1, 1, 1, 0, W_ANY, ALL & ~X86_OF},
    {"ror ev,i", K_E, 0, 0xc1, 1, 1, 14, 0, W_ANY, ALL & ~X86_OF},
    {"rcl eb,i", K_E, 0, 0xc0, 2, 1, 1, 0, W_ANY, ALL & ~X86_OF},
    {"rcl ev,i", K_E, 0, 0xc1, 2, 1, 14, 0, W_ANY, ALL & ~X86_OF},
    {"rcr eb,i", K_E, 0, 0xc0, 3, 1, 1, 0, W_ANY, ALL & ~X86_OF},
    {"rcr ev,i", K_E, 0, 0xc1, 3, 1, 14, 0, W_ANY, ALL & ~X86_OF},
#define SHIFT(name, n, c8) \
    {name " eb,i", K_E, 0, 0xc0, n, 1, 1, 0, W_ANY, c8 & ~X86_OF}, \
    {name " ev,i", K_E, 0, 0xc1, n, 1, 14, 0, W_ANY, c8 & ~X86_OF}, \
    {name " eb,1", K_E, 0, 0xd0, n, 0, 1, 0, W_ANY, NO_AF}, \
    {name " ev,1", K_E, 0, 0xd1, n, 0, 14, 0, W_ANY, NO_AF}, \
    {name " eb,cl", K_E, 0, 0xd2, n, 0, 1, 0, W_ANY, c8 & ~X86_OF}, \
    {name " ev,cl", K_E, 0, 0xd3, n, 0, 14, 0, W_ANY, c8 & ~X86_OF}
    SHIFT("shl", 4, NO_AF & ~X86_CF), SHIFT("shr", 5, NO_AF & ~X86_CF),
    SHIFT("sal", 6, NO_AF & ~X86_CF), SHIFT("sar", 7, NO_AF),
    {"shl ed,i", K_E, 0, 0xc1, 4, 1, 12, 0, W_ANY, NO_AF & ~X86_OF},
    {"shr ed,cl", K_E, 0, 0xd3, 5, 0, 12, 0, W_ANY, NO_AF & ~X86_OF},
    {"shl ed,cl", K_E, 0, 0xd3, 4, 0, 12, 0, W_ANY, NO_AF & ~X86_OF},
#undef SHIFT
#define ROTATE(name, n) \
    {name " eb,1", K_E, 0, 0xd0, n, 0, 1, 0, W_ANY, ALL}, \
    {name " ev,1", K_E, 0, 0xd1, n, 0, 14, 0, W_ANY, ALL}, \
    {name " eb,cl", K_E, 0, 0xd2, n, 0, 1, 0, W_ANY, ALL & ~X86_OF}, \
    {name " ev,cl", K_E, 0, 0xd3, n, 0, 14, 0, W_ANY, ALL & ~X86_OF}
    ROTATE("rol", 0), ROTATE("ror", 1), ROTATE("rcl", 2), ROTATE("rcr", 3),
#undef ROTATE
    {"shld i", K_EG, 1, 0xa4, 0, 1, 12, 0, W_ANY, NO_AF & ~X86_OF},
    {"shld cl", K_EG, 1, 0xa5, 0, 0, 12, 0, W_ANY, NO_AF & ~X86_OF},
    {"shrd i", K_EG, 1, 0xac, 0, 1, 12, 0, W_ANY, NO_AF & ~X86_OF},
    {"shrd cl", K_EG, 1, 0xad, 0, 0, 12, 0, W_ANY, NO_AF & ~X86_OF},
#define BIT(name, n) \
    {name " i", K_E, 1, 0xba, n, 1, 14, 0, W_ANY, X86_CF | X86_ZF}, \
    {name " r", K_EG, 1, 0x83 + n * 8, 0, 0, 14, 0, W_REG, X86_CF | X86_ZF}
    BIT("bt", 4), BIT("bts", 5), BIT("btr", 6), BIT("btc", 7),
#undef BIT
    {"bsf", K_EG, 1, 0xbc, 0, 0, 14, 0, W_ANY, X86_ZF},
    {"bsr", K_EG, 1, 0xbd, 0, 0, 14, 0, W_ANY, X86_ZF},
    {"tzcnt", K_EG, 1, 0xbc, 0, 0, 14, 0xf3, W_ANY, X86_ZF | X86_CF},
    {"lzcnt", K_EG, 1, 0xbd, 0, 0, 14, 0xf3, W_ANY, X86_ZF | X86_CF},
    {"popcnt", K_EG, 1, 0xb8, 0, 0, 14, 0xf3, W_ANY, ALL},
    {"movbe r", K_EG, 2, 0xf0, 0, 0, 14, 0, W_MEM, ALL},
    {"movbe m", K_EG, 2, 0xf1, 0, 0, 14, 0, W_MEM, ALL},
    {"crc32 b", K_EG, 2, 0xf0, 0, 0, 12, 0xf2, W_ANY, ALL},
    {"crc32 v", K_EG, 2, 0xf1, 0, 0, 14, 0xf2, W_ANY, ALL},
    {"adcx", K_EG, 2, 0xf6, 0, 0, 12, 0x66, W_ANY, ALL},
    {"adox", K_EG, 2, 0xf6, 0, 0, 12, 0xf3, W_ANY, ALL},
    {"andn", K_VEX, 2, 0xf2, 0, 0, 12, 0, W_ANY, NO_AF & ~X86_PF},
    {"blsr", K_VEX, 2, 0xf3, 0x30, 0, 12, 0, W_ANY, NO_AF & ~X86_PF},
    {"blsmsk", K_VEX, 2, 0xf3, 0x50, 0, 12, 0, W_ANY, NO_AF & ~X86_PF},
    {"blsi", K_VEX, 2, 0xf3, 0x70, 0, 12, 0, W_ANY, NO_AF & ~X86_PF},
    {"bzhi", K_VEX, 2, 0xf5, 0, 0, 12, 0, W_ANY, NO_AF & ~X86_PF},
    {"pext", K_VEX, 2, 0xf5, 2, 0, 12, 0, W_ANY, ALL},
    {"pdep", K_VEX, 2, 0xf5, 3, 0, 12, 0, W_ANY, ALL},
    {"mulx", K_VEX, 2, 0xf6, 3, 0, 12, 0, W_ANY, ALL},
    {"bextr", K_VEX, 2, 0xf7, 0, 0, 12, 0, W_ANY, X86_ZF | X86_CF | X86_OF},
    {"shlx", K_VEX, 2, 0xf7, 1, 0, 12, 0, W_ANY, ALL},
    {"sarx", K_VEX, 2, 0xf7, 2, 0, 12, 0, W_ANY, ALL},
    {"shrx", K_VEX, 2, 0xf7, 3, 0, 12, 0, W_ANY, ALL},
    {"rorx", K_VEX, 3, 0xf0, 3, 1, 12, 0, W_ANY, ALL},
    {"cmc", K_NONE, 0, 0xf5, 0, 0, 4, 0, W_ANY, ALL},
    {"clc", K_NONE, 0, 0xf8, 0, 0, 4, 0, W_ANY, ALL},
    {"stc", K_NONE, 0, 0xf9, 0, 0, 4, 0, W_ANY, ALL},
    {"cld", K_NONE, 0, 0xfc, 0, 0, 4, 0, W_ANY, ALL},
    {"sahf", K_NONE, 0, 0x9e, 0, 0, 4, 0, W_ANY, ALL},
    {"lahf", K_NONE, 0, 0x9f, 0, 0, 4, 0, W_ANY, ALL},
    {"nop ev", K_EG, 1, 0x1f, 0, 0, 14, 0, W_ANY, ALL},
    {"pause", K_NONE, 0, 0x90, 0, 0, 4, 0xf3, W_ANY, ALL},
    {"movnti", K_EG, 1, 0xc3, 0, 0, 12, 0, W_MEM, ALL},
};
/* clang-format on */

/* --- encodings of a row ---------------------------------------------------- */

typedef struct Pick {
    unsigned size, reg, rm, index, vvvv;
    bool mem, sib, rex; /* rex: byte registers 4-7 are spl...dil */
    int disp;
} Pick;

static unsigned pick_reg(void)
{
    unsigned n = rnd_below(16);

    return n == X86_RSP ? X86_RAX : n;
}

static void put_modrm(Code *c, const Pick *p, unsigned reg)
{
    if (!p->mem) {
        put(c, 0xc0 | (reg & 7) << 3 | (p->rm & 7));
    } else if (p->sib) {
        put(c, 0x84 | (reg & 7) << 3); /* SIB, disp32 */
        put(c, 0x40 | (p->index & 7) << 3 | (p->rm & 7));
        put_imm(c, (uint32_t)p->disp, 4);
    } else if ((p->rm & 7) == X86_RSP) {
        put(c, 0x44 | (reg & 7) << 3);
        put(c, 0x24);
        put(c, (uint8_t)p->disp);
    } else {
        put(c, 0x40 | (reg & 7) << 3 | (p->rm & 7)); /* disp8 */
        put(c, (uint8_t)p->disp);
    }
}

static void put_map(Code *c, unsigned map)
{
    if (map) {
        put(c, 0x0f);
    }
    if (map > 1) {
        put(c, map == 2 ? 0x38 : 0x3a);
    }
}

static void put_row(Code *c, const Row *row, const Pick *p)
{
    unsigned reg = row->kind == K_E ? row->ext : p->reg;
    unsigned index = p->mem && p->sib ? p->index : 0;
    unsigned rex = (p->size == 8 ? 8 : 0) | (reg & 8) >> 1 | (index & 8) >> 2
                   | (p->rm & 8) >> 3;
    unsigned imm = row->imm == 0xff ? MIN(p->size, 4u) : row->imm;

    if (row->kind == K_VEX) {
        unsigned vvvv = row->map == 3 ? 0 : p->vvvv;

        reg = row->ext & 0x10 ? row->ext >> 5 : p->reg;
        put(c, 0xc4);
        put(c, (reg & 8 ? 0 : 0x80) | (index & 8 ? 0 : 0x40)
                   | (p->rm & 8 ? 0 : 0x20) | row->map);
        put(c, (p->size == 8 ? 0x80 : 0) | (~vvvv & 15) << 3 | (row->ext & 3));
        put(c, row->op);
        put_modrm(c, p, reg);
        put_imm(c, rnd(), imm);
        return;
    }
    if (p->size == 2) {
        put(c, 0x66);
    }
    if (row->prefix) {
        put(c, row->prefix);
    }
    if (rex || p->rex) {
        put(c, 0x40 | rex);
    }
    put_map(c, row->map);
    put(c, row->kind == K_Z ? row->op | (p->rm & 7) : row->op);
    if (row->kind == K_E || row->kind == K_EG) {
        put_modrm(c, p, reg);
    }
    if (row->op == 0xc8 && row->map == 0) {
        put_imm(c, 16, 3);
        return;
    }
    put_imm(c, rnd_below(4) ? rnd() : rnd_value(), imm);
}

static Pick pick(const Row *row, unsigned size)
{
    Pick p = {
        .size = size,
        .reg = pick_reg(),
        .rm = pick_reg(),
        .index = pick_reg(),
        .vvvv = pick_reg(),
        .rex = rnd_below(2),
        .sib = rnd_below(2),
        .disp = (int)rnd_below(256) - 128,
    };

    p.mem = row->where == W_MEM || (row->where == W_ANY && rnd_below(2));
    if (row->kind == K_NONE || row->kind == K_Z) {
        p.mem = false;
    }
    if (row->kind == K_NONE) {
        p.rm = p.reg = 0;
    }
    if (row->op == 0x90 && row->kind == K_Z && p.rm == 0) {
        p.rm = 8;
    }
    if (p.sib) {
        p.disp *= 4;
        if (p.index == p.rm) {
            p.index = p.rm == X86_RDI ? X86_RSI : X86_RDI;
        }
    }
    return p;
}

static void aim(RigState *s, const Pick *p)
{
    if (!p->mem) {
        return;
    }
    s->gpr[p->rm] = RIG_DATA;
    if (p->sib) {
        s->gpr[p->index] = rnd_below(128);
    }
}

static void run_row(Rig *r, const Row *row, unsigned size)
{
    static RigState s;

    for (unsigned n = 0; n < 32; n++) {
        Pick p = pick(row, size);
        Code c = {.size = 0};

        put_row(&c, row, &p);
        rig_code(r, c.bytes, c.size);
        for (unsigned k = 0; k < 30; k++) {
            rnd_state(&s);
            aim(&s, &p);
            if (rnd_below(2)) { /* equal operands happen */
                uint64_t v = s.gpr[X86_RAX];

                memcpy(s.data + 0x800 + p.disp, &v, 8);
            }
            /* a row whose memory operand is the accumulator's */
            compare(r, row->name, &c, &s, row->defined, 2);
        }
    }
}

static void test_rows(void)
{
    g_autoptr(Rig) r = rig_new(RIG_LONG, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned sizes = rows[i].sizes ? rows[i].sizes : 4;

        for (unsigned size = 1; size <= 8; size *= 2) {
            if (sizes & size) {
                run_row(r, &rows[i], size);
            }
        }
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* --- sequences: flags made by one, used by another ------------------------- */

/* One register instruction whose flags are all defined (but AF). */
static void put_random_alu(Code *c)
{
    static const uint8_t rm[] = {0x00, 0x01, 0x10, 0x11, 0x18, 0x19,
                                 0x20, 0x21, 0x28, 0x29, 0x30, 0x31,
                                 0x38, 0x39, 0x84, 0x85, 0x08, 0x09};
    static const uint8_t un[][2] = {{0xfe, 0}, {0xff, 0}, {0xfe, 1}, {0xff, 1},
                                    {0xf6, 3}, {0xf7, 3}, {0xd0, 4}, {0xd1, 4},
                                    {0xd1, 5}, {0xd1, 7}, {0xd1, 0}, {0xd1, 3},
                                    {0xd3, 4}, {0xd3, 1}, {0xd3, 7}};
    unsigned a = pick_reg(), b = pick_reg();

    if (rnd_below(3) == 0) {
        put(c, 0x66);
    }
    unsigned rex = 0x40 | (rnd_below(2) << 3) | (b >> 3) << 2 | a >> 3;
    switch (rnd_below(5)) {
    case 0: {
        unsigned k = rnd_below(G_N_ELEMENTS(un) - 3);

        put(c, rex & ~4u);
        put(c, un[k][0]);
        put(c, 0xc0 | un[k][1] << 3 | (a & 7));
        break;
    }
    case 1: /* setcc, cmovcc */
        put(c, rex);
        put(c, 0x0f);
        put(c, (rnd_below(2) ? 0x90 : 0x40) | rnd_below(16));
        put(c, 0xc0 | (b & 7) << 3 | (a & 7));
        break;
    case 2: /* cmc, clc, stc */
        put(c, (uint8_t[]){0xf5, 0xf8, 0xf9}[rnd_below(3)]);
        break;
    default:
        put(c, rex);
        put(c, rm[rnd_below(G_N_ELEMENTS(rm))]);
        put(c, 0xc0 | (b & 7) << 3 | (a & 7));
        break;
    }
}

/* With one instruction a block nothing is known about the flags. */
static void sequences(const char *options)
{
    g_autoptr(Rig) r = rig_new(RIG_LONG, options);
    static RigState s;

    failures = 0;
    for (unsigned n = 0; n < 6000; n++) {
        Code c = {.size = 0};
        unsigned length = 2 + rnd_below(8);

        for (unsigned i = 0; i < length; i++) {
            put_random_alu(&c);
        }
        if (rnd_below(2)) { /* jcc over two bytes: inc eax */
            put(&c, 0x70 | rnd_below(16));
            put(&c, 2);
            put(&c, 0xff);
            put(&c, 0xc0);
            length += 2;
        }
        rig_code(r, c.bytes, c.size);
        for (unsigned k = 0; k < 3; k++) {
            rnd_state(&s);
            compare(r, "sequence", &c, &s, NO_AF & ~X86_OF, length + 4);
        }
    }
    g_assert_cmpuint(failures, ==, 0);
}

static void test_sequences(void)
{
    sequences(NULL);
}

static void test_sequences_cut(void)
{
    sequences("max-insns=1");
    sequences("random-length=on,test-seed=5");
}

/* --- division: operands that do not overflow ------------------------------- */

static void divide(Rig *r, unsigned size, bool is_signed)
{
    static RigState s;
    Code c = {.size = 0};
    uint64_t mask = ~0ull >> (64 - 8 * size);

    if (size == 2) {
        put(&c, 0x66);
    }
    if (size == 8) {
        put(&c, 0x48);
    }
    put(&c, size == 1 ? 0xf6 : 0xf7); /* by rbx, bl */
    put(&c, is_signed ? 0xfb : 0xf3);
    rig_code(r, c.bytes, c.size);
    for (unsigned k = 0; k < 400; k++) {
        rnd_state(&s);
        uint64_t d = s.gpr[X86_RBX] & mask;

        if (d == 0 || (is_signed && d == mask)) {
            continue;
        }
        if (size == 1) {
            s.gpr[X86_RAX] = is_signed ? (uint64_t)(int8_t)rnd()
                                       : (rnd() % (d << 8)) & 0xffff;
            if (is_signed && (uint8_t)d == 0x80) {
                continue;
            }
        } else if (is_signed) {
            bool minus = s.gpr[X86_RAX] >> (8 * size - 1) & 1;

            s.gpr[X86_RDX] = minus ? ~0ull : 0;
        } else {
            s.gpr[X86_RDX] = rnd() % d;
        }
        compare(r, "div", &c, &s, 0, 2);
    }
}

static void test_divide(void)
{
    g_autoptr(Rig) r = rig_new(RIG_LONG, NULL);

    failures = 0;
    for (unsigned size = 1; size <= 8; size *= 2) {
        divide(r, size, false);
        divide(r, size, true);
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* --- strings --------------------------------------------------------------- */

static void string_case(Rig *r, unsigned op, unsigned size, unsigned rep,
                        bool down, bool addr32)
{
    static RigState s;
    Code c = {.size = 0};

    put(&c, down ? 0xfd : 0xfc);
    if (addr32) {
        put(&c, 0x67);
    }
    if (rep) {
        put(&c, rep);
    }
    if (size == 2) {
        put(&c, 0x66);
    }
    if (size == 8) {
        put(&c, 0x48);
    }
    put(&c, op | (size > 1));
    put(&c, 0xfc);
    rig_code(r, c.bytes, c.size);
    for (unsigned k = 0; k < 30; k++) {
        rnd_state(&s);
        if (k & 1) { /* long equal runs */
            memset(s.data, 0, sizeof(s.data));
            s.data[0x400 + rnd_below(0x800)] = 1;
            s.gpr[X86_RAX] = rnd_below(2);
        }
        s.gpr[X86_RCX] = rnd_below(8) ? rnd_below(60) : 0;
        s.gpr[X86_RSI] = RIG_DATA + rnd_below(64) - 32;
        s.gpr[X86_RDI] = k & 2 ? s.gpr[X86_RSI] + rnd_below(9) - 4
                               : RIG_DATA + rnd_below(600) - 300;
        compare(r, "string", &c, &s, ALL, 70);
    }
}

static void test_strings(void)
{
    static const uint8_t ops[] = {0xa4, 0xa6, 0xaa, 0xac, 0xae};
    static const uint8_t reps[] = {0, 0xf2, 0xf3};
    g_autoptr(Rig) r = rig_new(RIG_LONG, NULL);

    failures = 0;
    for (unsigned o = 0; o < G_N_ELEMENTS(ops); o++) {
        for (unsigned i = 0; i < 24; i++) {
            for (unsigned p = 0; p < 3; p++) {
                string_case(r, ops[o], 1u << (i & 3), reps[p], i & 4, i & 8);
            }
        }
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* Any cut of the budget gives the same end; each iteration is one step. */
static void test_string_steps(void)
{
    static const uint8_t code[] = {0xf3, 0xa4};
    g_autoptr(Rig) r = rig_new(RIG_LONG, NULL);
    X86Cpu *c = r->c;

    rig_code(r, code, sizeof(code));
    for (unsigned n = 0; n <= 20; n++) {
        c->gpr[X86_RCX] = 20;
        c->gpr[X86_RSI] = RIG_DATA;
        c->gpr[X86_RDI] = RIG_DATA + 0x100;
        c->v.pc = RIG_CODE;
        vcpu_run(&c->v, n);
        g_assert_cmpuint(c->gpr[X86_RCX], ==, 20 - n);
        g_assert_cmphex(c->gpr[X86_RSI], ==, RIG_DATA + n);
        g_assert_cmphex(c->v.pc, ==, n < 20 ? RIG_CODE : RIG_CODE + 2);
    }
    c->gpr[X86_RCX] = 0; /* a count of zero is one step */
    c->v.pc = RIG_CODE;
    vcpu_run(&c->v, 1);
    g_assert_cmphex(c->v.pc, ==, RIG_CODE + 2);
}

/* --- bit strings, calls, loops --------------------------------------------- */

static void test_bit_strings(void)
{
    g_autoptr(Rig) r = rig_new(RIG_LONG, NULL);
    static RigState s;

    failures = 0;
    for (unsigned n = 0; n < 64; n++) {
        Code c = {.size = 0};

        if (n % 3 == 1) {
            put(&c, 0x66);
        } else if (n % 3 == 2) {
            put(&c, 0x48);
        }
        put(&c, 0x0f);
        put(&c, 0xa3 + 8 * (n >> 2 & 3)); /* [rdi], eax */
        put(&c, 0x07);
        rig_code(r, c.bytes, c.size);
        for (unsigned k = 0; k < 20; k++) {
            rnd_state(&s);
            s.gpr[X86_RDI] = RIG_DATA;
            s.gpr[X86_RAX] = (uint64_t)(rnd_below(8000)) - 4000;
            if (n % 3 == 1) {
                s.gpr[X86_RAX] ^= rnd() << 16;
            } else if (n % 3 == 0) {
                s.gpr[X86_RAX] ^= rnd() << 32;
            }
            compare(r, "bit string", &c, &s, X86_CF | X86_ZF, 2);
        }
    }
    g_assert_cmpuint(failures, ==, 0);
}

static void test_control(void)
{
    static const struct {
        const char *name;
        uint8_t bytes[16], size, steps;
    } cases[] = {
        {"loop", {0xb9, 5, 0, 0, 0, 0x83, 0xc0, 3, 0xe2, 0xfb}, 10, 20},
        {"loope", {0xb9, 5, 0, 0, 0, 0x83, 0xe8, 0, 0xe1, 0xfb}, 10, 20},
        {"loopne", {0xb9, 9, 0, 0, 0, 0x83, 0xc0, 1, 0xe0, 0xfb}, 10, 30},
        {"loop ecx",
         {0xb9, 5, 0, 0, 0, 0x83, 0xc0, 3, 0x67, 0xe2, 0xfa},
         11,
         20},
        {"jrcxz", {0xe3, 2, 0xff, 0xc0}, 4, 6},
        {"call, ret", {0xe8, 2, 0, 0, 0, 0xeb, 3, 0xff, 0xc0, 0xc3}, 10, 9},
        {"ret n",
         {0x6a, 0, 0xe8, 2, 0, 0, 0, 0xeb, 5, 0xff, 0xc0, 0xc2, 8, 0},
         14,
         9},
        {"lea, jmp r",
         {0x48, 0x8d, 5, 4, 0, 0, 0, 0xff, 0xe0, 0xff, 0xc1},
         11,
         5},
        {"call r", {0x48, 0x8d, 5, 2, 0, 0, 0, 0xff, 0xd0, 0x5b}, 10, 6},
        {"push, pop rsp", {0x54, 0x5c}, 2, 4},
        {"enter, leave", {0xc8, 32, 0, 3, 0xc9}, 5, 4},
        {"cmpxchg16b", {0xf0, 0x48, 0x0f, 0xc7, 0x0f}, 5, 2},
        {"lock xadd", {0xf0, 0x48, 0x0f, 0xc1, 0x07}, 5, 2},
        {"xlat", {0xd7}, 1, 2},
        {"mov rax,moffs", {0x48, 0xa1, 0, 0x40, 0, 1, 0, 0, 0, 0}, 10, 2},
        {"mov moffs32,al", {0x67, 0xa2, 0, 0x40, 0, 1}, 6, 2},
        {"mov [rip],rax", {0x48, 0x89, 5, 0xf9, 0x3f, 0xff, 0xff}, 7, 2},
        {"mov eax,[rip]", {0x8b, 5, 0xfa, 0xff, 0xff, 0xff}, 6, 2},
        {"lea eax,[eip]", {0x67, 0x8d, 5, 1, 0, 0, 0}, 7, 2},
        {"mov al,[edi]", {0x67, 0x8a, 0x07}, 3, 2},
        {"lea [edi+ecx]", {0x67, 0x48, 0x8d, 0x44, 0x8f, 0x80}, 6, 2},
        {"rex dropped", {0x48, 0x66, 0x01, 0xc8}, 4, 2},
    };
    g_autoptr(Rig) r = rig_new(RIG_LONG, NULL);
    static RigState s;

    failures = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Code c = {.size = cases[i].size};

        memcpy(c.bytes, cases[i].bytes, c.size);
        rig_code(r, c.bytes, c.size);
        for (unsigned k = 0; k < 20; k++) {
            rnd_state(&s);
            s.gpr[X86_RBP] = RIG_STACK - 64;
            s.gpr[X86_RDI] = RIG_DATA;
            if (strcmp(cases[i].name, "xlat") == 0) {
                s.gpr[X86_RBX] = RIG_DATA;
            }
            if (k & 2) { /* cmpxchg16b: equal */
                memcpy(&s.gpr[X86_RAX], s.data + 0x800, 8);
                memcpy(&s.gpr[X86_RDX], s.data + 0x808, 8);
            }
            if (k & 1) {
                s.gpr[X86_RCX] = 0;
            }
            compare(r, cases[i].name, &c, &s, NO_AF, cases[i].steps);
        }
    }
    g_assert_cmpuint(failures, ==, 0);
}

int main(int argc, char **argv)
{
    RigState probe = {.gpr[X86_RSP] = RIG_STACK};

    g_test_init(&argc, &argv, NULL);
    if (!rig_host((const uint8_t[]){0x90}, 1, &probe)) {
        g_print("1..0 # SKIP needs an x86-64 host\n");
        return 0;
    }
    g_test_add_func("/x86/int/rows", test_rows);
    g_test_add_func("/x86/int/sequences", test_sequences);
    g_test_add_func("/x86/int/sequences-cut", test_sequences_cut);
    g_test_add_func("/x86/int/divide", test_divide);
    g_test_add_func("/x86/int/strings", test_strings);
    g_test_add_func("/x86/int/string-steps", test_string_steps);
    g_test_add_func("/x86/int/bit-strings", test_bit_strings);
    g_test_add_func("/x86/int/control", test_control);
    return g_test_run();
}
