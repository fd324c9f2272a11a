/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions of breakpoints: agent expressions (gdb manual, appendix "The GDB
 * Agent Expression Mechanism"). Every run is bounded; code that is wrong or
 * too long counts as true, so that a person sees the stop.
 */
#include "core/bytes.h"
#include "gdbstub/gdb_priv.h"

#define STACK_MAX 64
#define STEPS_MAX 10000

enum {
    AX_ADD = 0x02,
    AX_SUB,
    AX_MUL,
    AX_DIV_SIGNED,
    AX_DIV_UNSIGNED,
    AX_REM_SIGNED,
    AX_REM_UNSIGNED,
    AX_LSH,
    AX_RSH_SIGNED,
    AX_RSH_UNSIGNED,
    AX_LOG_NOT = 0x0e,
    AX_BIT_AND,
    AX_BIT_OR,
    AX_BIT_XOR,
    AX_BIT_NOT,
    AX_EQUAL,
    AX_LESS_SIGNED,
    AX_LESS_UNSIGNED,
    AX_EXT,
    AX_REF8,
    AX_REF16,
    AX_REF32,
    AX_REF64,
    AX_IF_GOTO = 0x20,
    AX_GOTO,
    AX_CONST8,
    AX_CONST16,
    AX_CONST32,
    AX_CONST64,
    AX_REG,
    AX_END,
    AX_DUP,
    AX_POP,
    AX_ZERO_EXT,
    AX_SWAP,
    AX_PICK = 0x32,
    AX_ROT,
};

typedef struct Ax {
    GdbState *g;
    Vcpu *v;
    const uint8_t *code;
    size_t size, at;
    uint64_t stack[STACK_MAX];
    unsigned depth;
} Ax;

static bool ax_push(Ax *x, uint64_t value)
{
    if (x->depth == STACK_MAX) {
        return false;
    }
    x->stack[x->depth++] = value;
    return true;
}

/* An operand of the code, big-endian. */
static bool ax_operand(Ax *x, unsigned bytes, uint64_t *out)
{
    *out = 0;
    if (x->size - x->at < bytes) {
        return false;
    }
    while (bytes--) {
        *out = *out << 8 | x->code[x->at++];
    }
    return true;
}

static bool ax_divide(unsigned op, uint64_t a, uint64_t b, uint64_t *out)
{
    int64_t sa = (int64_t)a, sb = (int64_t)b;

    if (b == 0) {
        return false;
    }
    switch (op) {
    case AX_DIV_SIGNED: /* -2^63 / -1 wraps */
        *out = sb == -1 ? 0 - a : (uint64_t)(sa / sb);
        return true;
    case AX_REM_SIGNED:
        *out = sb == -1 ? 0 : (uint64_t)(sa % sb);
        return true;
    case AX_DIV_UNSIGNED:
        *out = a / b;
        return true;
    default:
        *out = a % b;
        return true;
    }
}

static bool ax_binary(unsigned op, uint64_t a, uint64_t b, uint64_t *out)
{
    switch (op) {
    case AX_ADD:
        *out = a + b;
        break;
    case AX_SUB:
        *out = a - b;
        break;
    case AX_MUL:
        *out = a * b;
        break;
    case AX_LSH:
        *out = b > 63 ? 0 : a << b;
        break;
    case AX_RSH_SIGNED:
        *out = (uint64_t)((int64_t)a >> MIN(b, 63));
        break;
    case AX_RSH_UNSIGNED:
        *out = b > 63 ? 0 : a >> b;
        break;
    case AX_BIT_AND:
        *out = a & b;
        break;
    case AX_BIT_OR:
        *out = a | b;
        break;
    case AX_BIT_XOR:
        *out = a ^ b;
        break;
    case AX_EQUAL:
        *out = a == b;
        break;
    case AX_LESS_SIGNED:
        *out = (int64_t)a < (int64_t)b;
        break;
    case AX_LESS_UNSIGNED:
        *out = a < b;
        break;
    default:
        return ax_divide(op, a, b, out);
    }
    return true;
}

static bool ax_binary_op(Ax *x, unsigned op)
{
    if (x->depth < 2) {
        return false;
    }
    x->depth--;
    return ax_binary(op, x->stack[x->depth - 1], x->stack[x->depth],
                     &x->stack[x->depth - 1]);
}

/* Operations on the top of the stack. */
static bool ax_unary_op(Ax *x, unsigned op)
{
    uint64_t *top, n = 0;
    uint8_t buf[8] = {0};

    if (x->depth == 0) {
        return false;
    }
    top = &x->stack[x->depth - 1];
    switch (op) {
    case AX_LOG_NOT:
        *top = !*top;
        return true;
    case AX_BIT_NOT:
        *top = ~*top;
        return true;
    case AX_EXT:
    case AX_ZERO_EXT:
        if (!ax_operand(x, 1, &n) || n == 0 || n > 64) {
            return false;
        }
        *top <<= 64 - n;
        *top = op == AX_EXT ? (uint64_t)((int64_t)*top >> (64 - n))
                            : *top >> (64 - n);
        return true;
    default:
        if (!gdb_peek(x->g, x->v, *top, buf, 1u << (op - AX_REF8))) {
            return false;
        }
        *top = ld_le64(buf);
        return true;
    }
}

static bool ax_reg(Ax *x)
{
    const GPtrArray *regs = gdb_registers(x->g);
    uint8_t buf[CPU_REG_BYTES] = {0};
    const CpuRegRow *row;
    uint64_t n;

    if (!ax_operand(x, 2, &n) || n >= regs->len) {
        return false;
    }
    row = g_ptr_array_index(regs, n);
    x->v->ops->gdb(x->v)->read(x->v, row, buf);
    return ax_push(x, ld_le64(buf));
}

static bool ax_jump(Ax *x, bool conditional)
{
    uint64_t to;

    if (!ax_operand(x, 2, &to) || to >= x->size) {
        return false;
    }
    if (conditional) {
        if (x->depth == 0) {
            return false;
        }
        if (x->stack[--x->depth] == 0) {
            return true;
        }
    }
    x->at = to;
    return true;
}

/* Rearranging the stack. */
static bool ax_stack_op(Ax *x, unsigned op)
{
    uint64_t *s = x->stack + x->depth, n;

    switch (op) {
    case AX_DUP:
        return x->depth >= 1 && ax_push(x, s[-1]);
    case AX_POP:
        return x->depth >= 1 && x->depth--;
    case AX_PICK:
        return ax_operand(x, 1, &n) && n < x->depth
               && ax_push(x, x->stack[x->depth - 1 - n]);
    case AX_SWAP:
        if (x->depth < 2) {
            return false;
        }
        n = s[-1];
        s[-1] = s[-2];
        s[-2] = n;
        return true;
    default: /* a b c => c a b */
        if (x->depth < 3) {
            return false;
        }
        n = s[-1];
        s[-1] = s[-2];
        s[-2] = s[-3];
        s[-3] = n;
        return true;
    }
}

static bool ax_step(Ax *x, unsigned op)
{
    uint64_t n;

    switch (op) {
    case AX_LOG_NOT:
    case AX_BIT_NOT:
    case AX_EXT:
    case AX_ZERO_EXT:
    case AX_REF8:
    case AX_REF16:
    case AX_REF32:
    case AX_REF64:
        return ax_unary_op(x, op);
    case AX_IF_GOTO:
    case AX_GOTO:
        return ax_jump(x, op == AX_IF_GOTO);
    case AX_CONST8:
    case AX_CONST16:
    case AX_CONST32:
    case AX_CONST64:
        return ax_operand(x, 1u << (op - AX_CONST8), &n) && ax_push(x, n);
    case AX_REG:
        return ax_reg(x);
    case AX_DUP:
    case AX_POP:
    case AX_PICK:
    case AX_SWAP:
    case AX_ROT:
        return ax_stack_op(x, op);
    default:
        return op >= AX_ADD && op <= AX_LESS_UNSIGNED && op != 0x0c
               && op != 0x0d && ax_binary_op(x, op);
    }
}

bool condition_true(GdbState *g, Vcpu *v, const uint8_t *code, size_t size)
{
    Ax x = {.g = g, .v = v, .code = code, .size = size};

    for (unsigned steps = 0; steps < STEPS_MAX && x.at < size; steps++) {
        unsigned op = code[x.at++];

        if (op == AX_END) {
            return x.depth == 0 || x.stack[x.depth - 1] != 0;
        }
        if (!ax_step(&x, op)) {
            return true;
        }
    }
    return true;
}
