/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of one instruction to X86Insn. Source: SDM volume 2, chapter 2. */
#include "cpu/x86/trans_priv.h"

#define X86_MAX_LENGTH 15

/* clang-format off */
static const X86OpRow x86_rows[4][256] = {
#define X86_OP(map, first, last, form, width, attr, fn) \
    [map][(first) ... (last)] = {X86_F_##form, X86_W_##width, attr, fn},
#include "cpu/x86/opcodes.def"
#undef X86_OP
};
/* clang-format on */

static uint8_t x86_fetch8(X86Insn *x)
{
    if (x->pos >= X86_MAX_LENGTH) {
        x->too_long = true;
        return 0;
    }
    if (x->pos >= x->t->avail) {
        x->more = true;
        return 0;
    }
    return x->t->bytes[x->pos++];
}

static uint8_t x86_peek8(X86Insn *x)
{
    uint8_t byte = x86_fetch8(x);

    if (!x->more && !x->too_long) {
        x->pos--;
    }
    return byte;
}

static uint64_t x86_fetch(X86Insn *x, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)x86_fetch8(x) << (8 * i);
    }
    return v;
}

static int64_t x86_fetch_signed(X86Insn *x, unsigned size)
{
    unsigned up = 64 - 8 * size;

    return (int64_t)(x86_fetch(x, size) << up) >> up;
}

/* In 64-bit mode only fs and gs count (SDM 1 3.4.2.1). */
static void x86_segment_prefix(X86Insn *x, int seg)
{
    if (!x->code64 || seg >= X86_FS) {
        x->seg = seg;
    }
}

static bool x86_legacy_prefix(X86Insn *x, uint8_t byte)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        x86_segment_prefix(x, (byte >> 3) & 3);
        return true;
    case 0x64:
    case 0x65:
        x86_segment_prefix(x, X86_FS + (byte & 1));
        return true;
    case 0x66:
        x->opsize66 = true;
        return true;
    case 0x67:
        x->addr67 = true;
        return true;
    case 0xf0:
        x->lock = true;
        return true;
    case 0xf2:
    case 0xf3:
        x->rep = byte;
        return true;
    default:
        return false;
    }
}

/* Prefixes; gives the first byte behind them. A REX counts only when it is the
 * last of them. */
static uint8_t x86_prefixes(X86Insn *x)
{
    for (;;) {
        uint8_t byte = x86_fetch8(x);

        if (x->more || x->too_long) {
            return 0;
        }
        if (x86_legacy_prefix(x, byte)) {
            x->rex = 0;
        } else if (x->code64 && (byte & 0xf0) == 0x40) {
            x->rex = byte;
        } else {
            return byte;
        }
    }
}

static void x86_rex(X86Insn *x)
{
    x->rex_w = x->rex & 8;
    x->rex_r = x->rex & 4 ? 8 : 0;
    x->rex_x = x->rex & 2 ? 8 : 0;
    x->rex_b = x->rex & 1 ? 8 : 0;
}

/* SDM 2A 2.3.5. False: #UD whatever follows. */
static bool x86_vex(X86Insn *x, uint8_t first)
{
    if (x->rex || x->lock || x->rep || x->opsize66) {
        return false;
    }
    uint8_t p0 = x86_fetch8(x);
    uint8_t p1 = p0;
    x->map = 1;
    if (first == 0xc4) {
        p1 = x86_fetch8(x);
        x->map = p0 & 0x1f;
        x->rex_x = p0 & 0x40 ? 0 : 8;
        x->rex_b = p0 & 0x20 ? 0 : 8;
        x->rex_w = p1 & 0x80;
    }
    x->rex_r = p0 & 0x80 ? 0 : 8;
    x->vex_w = x->rex_w;
    x->vex = true;
    x->vex_v = x->vex_vraw = (~p1 >> 3) & 15;
    x->vex_l = (p1 >> 2) & 1;
    x->pp = p1 & 3;
    if (!x->code64) {
        x->rex_r = x->rex_x = x->rex_b = 0;
        x->rex_w = false; /* W is ignored for general registers there */
        x->vex_v &= 7;
    }
    return x->map >= 1 && x->map <= 3;
}

static bool x86_is_vex(X86Insn *x, uint8_t byte)
{
    if ((byte != 0xc4 && byte != 0xc5)
        || (x->mode & (X86_MODE_PE | X86_MODE_VM86)) != X86_MODE_PE) {
        return false;
    }
    return x->code64 || (x86_peek8(x) & 0xc0) == 0xc0;
}

/* Finds map and opcode; false: #UD. */
static bool x86_opcode(X86Insn *x)
{
    uint8_t byte = x86_prefixes(x);

    if (x86_is_vex(x, byte)) {
        if (!x86_vex(x, byte)) {
            return false;
        }
        x->op = x86_fetch8(x);
        return true;
    }
    x86_rex(x);
    x->pp = x->rep == 0xf3 ? 2 : x->rep == 0xf2 ? 3 : x->opsize66;
    if (byte == 0x0f) {
        x->map = 1;
        byte = x86_fetch8(x);
        if (byte == 0x38 || byte == 0x3a) {
            x->map = byte == 0x38 ? 2 : 3;
            byte = x86_fetch8(x);
        }
    }
    x->op = byte;
    return true;
}

static void x86_sizes(X86Insn *x)
{
    bool wide = x->mode & X86_MODE_CODE32;

    if (x->code64) {
        x->asize = x->addr67 ? 4 : 8;
        x->osize = x->rex_w ? 8 : x->opsize66 ? 2 : 4;
    } else {
        x->asize = wide != x->addr67 ? 4 : 2;
        x->osize = wide != x->opsize66 ? 4 : 2;
    }
    if (x->row->attr & (X86_A_SIMD | X86_A_VEX)) {
        x->osize = x->rex_w ? 8 : 4;
    }
}

static unsigned x86_width(const X86Insn *x)
{
    switch (x->row->width) {
    case X86_W_B:
        return 1;
    case X86_W_W:
        return 2;
    case X86_W_D:
        return 4;
    case X86_W_BV:
        return x->op & 1 ? x->osize : 1;
    case X86_W_Y:
        return x->rex_w ? 8 : 4;
    case X86_W_D64:
        return x->code64 && x->osize == 4 ? 8 : x->osize;
    case X86_W_F64:
        return x->code64 ? 8 : x->osize;
    case X86_W_R:
        return x->code64 ? 8 : 4;
    default:
        return x->osize;
    }
}

/* SDM 2A table 2-1 */
static void x86_modrm16(X86Insn *x)
{
    static const int8_t base[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP,
                                   X86_RSI, X86_RDI, X86_RBP, X86_RBX};
    static const int8_t index[4] = {X86_RSI, X86_RDI, X86_RSI, X86_RDI};

    x->ea_base = base[x->rm];
    x->ea_index = x->rm < 4 ? index[x->rm] : X86_EA_NONE;
    if (x->mod == 0 && x->rm == 6) {
        x->ea_base = X86_EA_NONE;
        x->ea_disp = x86_fetch_signed(x, 2);
    } else if (x->mod) {
        x->ea_disp = x86_fetch_signed(x, x->mod);
    }
    x->ea_seg = x->ea_base == X86_RBP ? X86_SS : X86_DS;
}

/* SDM 2A tables 2-2, 2-3 and 2.2.1.6 (RIP-relative) */
static void x86_modrm32(X86Insn *x)
{
    unsigned low = x->modrm & 7;

    x->ea_base = low + x->rex_b;
    x->ea_index = X86_EA_NONE;
    if (low == 4) {
        uint8_t sib = x86_fetch8(x);
        unsigned index = ((sib >> 3) & 7) + x->rex_x;

        x->has_sib = true;
        x->sib_index = (uint8_t)index;
        low = sib & 7;
        x->ea_base = low + x->rex_b;
        x->ea_shift = sib >> 6;
        x->ea_index = index == X86_RSP ? X86_EA_NONE : (int)index;
        if (low == 5 && x->mod == 0) {
            x->ea_base = X86_EA_NONE;
        }
    } else if (low == 5 && x->mod == 0) {
        x->ea_base = x->code64 ? X86_EA_RIP : X86_EA_NONE;
    }
    if (x->mod == 1) {
        x->ea_disp = x86_fetch_signed(x, 1);
    } else if (x->mod == 2 || (x->mod == 0 && low == 5)) {
        x->ea_disp = x86_fetch_signed(x, 4);
    }
    x->ea_seg =
        x->ea_base == X86_RSP || x->ea_base == X86_RBP ? X86_SS : X86_DS;
}

static void x86_modrm(X86Insn *x)
{
    x->modrm = x86_fetch8(x);
    x->has_modrm = true;
    x->mod = x->modrm >> 6;
    x->reg = ((x->modrm >> 3) & 7) + x->rex_r;
    x->rm = (x->modrm & 7) + x->rex_b;
    x->is_mem = x->mod != 3 && x->row->form != X86_F_CR;
    if (!x->is_mem) {
        return;
    }
    if (x->asize == 2) {
        x86_modrm16(x);
    } else {
        x86_modrm32(x);
    }
    if (x->seg >= 0) {
        x->ea_seg = x->seg;
    }
}

static bool x86_form_has_modrm(unsigned form)
{
    switch (form) {
    case X86_F_E:
    case X86_F_EG:
    case X86_F_GE:
    case X86_F_EI:
    case X86_F_EI8:
    case X86_F_EGI8:
    case X86_F_GEI:
    case X86_F_GEI8:
    case X86_F_GRP3:
    case X86_F_CR:
        return true;
    default:
        return false;
    }
}

static void x86_immediate(X86Insn *x)
{
    unsigned z = MIN(x->width, 4u);

    switch (x->row->form) {
    case X86_F_EI8:
    case X86_F_EGI8:
    case X86_F_GEI8:
    case X86_F_AI8:
    case X86_F_I8:
    case X86_F_J8:
        /* shifts by 1 or cl share x86_trans_shift but have form E */
        x->imm = x86_fetch_signed(x, 1);
        break;
    case X86_F_EI:
    case X86_F_GEI:
    case X86_F_AI:
    case X86_F_I:
    case X86_F_JZ:
        x->imm = x86_fetch_signed(x, z);
        break;
    case X86_F_ZI:
        x->imm = x86_fetch_signed(x, x->width);
        break;
    case X86_F_GRP3:
        if ((x->reg & 7) < 2) {
            x->imm = x86_fetch_signed(x, z);
        }
        break;
    case X86_F_I16:
        x->imm = x86_fetch(x, 2);
        break;
    case X86_F_ENTER:
        x->imm = x86_fetch(x, 2);
        x->imm2 = x86_fetch8(x);
        break;
    case X86_F_MOFFS:
        x->imm = x86_fetch(x, x->asize);
        break;
    case X86_F_FAR:
        x->imm = x86_fetch(x, x->width);
        x->imm2 = x86_fetch(x, 2);
        break;
    default:
        break;
    }
}

bool x86_offers(const X86Insn *x, unsigned word, uint32_t bits)
{
    return (x->cpu->features[word] & bits) == bits;
}

static unsigned x86_mmu_index(uint64_t mode)
{
    if ((mode & X86_MODE_CPL) == 3) {
        return X86_MMU_USER;
    }
    return mode & X86_MODE_SMAP ? X86_MMU_KERNEL : X86_MMU_KERNEL_NOSMAP;
}

static void x86_insn_init(X86Insn *x, Trans *t)
{
    *x = (X86Insn){
        .t = t,
        .b = t->b,
        .ft = t->arch,
        .cpu = (const X86Cpu *)t->v,
        .mode = t->mode,
        .code64 = t->mode & X86_MODE_CODE64,
        .seg = -1,
        .ea_base = X86_EA_NONE,
        .ea_index = X86_EA_NONE,
        .ea_seg = X86_DS,
        .mmu = x86_mmu_index(t->mode),
    };
}

TransResult x86_decode(X86Insn *x, Trans *t)
{
    x86_insn_init(x, t);
    if (x86_opcode(x) && !x->more && !x->too_long) {
        const X86OpRow *row = &x86_rows[x->map][x->op];

        x->row = row->form == X86_F_ILLEGAL ? NULL : row;
    }
    if (x->row) {
        x86_sizes(x);
        x->width = x86_width(x);
        if (x86_form_has_modrm(x->row->form)) {
            x86_modrm(x);
        }
        x86_immediate(x);
    }
    x->len = x->pos;
    if (x->too_long) {
        return TRANS_OK;
    }
    return x->more ? TRANS_MORE : TRANS_OK;
}

/* Instructions that push or pop, by the opcode map's first two maps. */
static bool x86_uses_stack(const X86Insn *x)
{
    unsigned op = x->op, n = x->reg & 7;

    if (x->map == 1) {
        return op == 0xa0 || op == 0xa1 || op == 0xa8 || op == 0xa9;
    }
    if (x->map != 0) {
        return false;
    }
    return (op >= 0x50 && op <= 0x5f) || op == 0x68 || op == 0x6a || op == 0x8f
           || op == 0x9c || op == 0x9d || op == 0xc2 || op == 0xc3 || op == 0xc8
           || op == 0xc9 || op == 0xe8
           || (op == 0xff && (n == 2 || n == 3 || n == 6));
}

/* Far from where an operand in memory of push or call could be by chance. */
#define X86_STACK_NEAR 0x10000

bool x86_is_stack_access(X86Cpu *c, uint64_t va)
{
    uint8_t bytes[X86_MAX_LENGTH];
    unsigned room = GUEST_PAGE_SIZE - (c->v.pc & (GUEST_PAGE_SIZE - 1));
    Trans t = {.v = &c->v, .mode = c->v.mode, .bytes = bytes};
    X86Insn x;

    if (!(c->v.mode & X86_MODE_CODE64)) {
        return false;
    }
    t.avail = sizeof(bytes);
    if (!vcpu_peek(&c->v, c->v.pc, bytes, t.avail)) {
        t.avail = MIN(room, t.avail); /* the next page may not be there */
        if (!vcpu_peek(&c->v, c->v.pc, bytes, t.avail)) {
            return false;
        }
    }
    if (x86_decode(&x, &t) != TRANS_OK || !x.row) {
        return false;
    }
    if (x86_uses_stack(&x)) {
        uint64_t sp = c->gpr[x.op == 0xc9 && !x.map ? X86_RBP : X86_RSP];

        if (va - sp + X86_STACK_NEAR < 2 * X86_STACK_NEAR) {
            return true;
        }
    }
    return x.is_mem && x.ea_seg == X86_SS;
}
