/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack frames that are checked as a whole before the first byte is written. */
#include "core/bytes.h"
#include "cpu/x86/sys_priv.h"

void x86_stack_now(const X86Cpu *c, X86Stack *st)
{
    const X86Seg *ss = &c->seg[X86_SS];
    bool flat = x86_code64(c);

    *st = (X86Stack){
        .base = flat ? 0 : c->seg_base[X86_SS],
        .sp = c->gpr[X86_RSP],
        .mask = flat                    ? UINT64_MAX
                : ss->attr & X86_ATTR_D ? UINT32_MAX
                                        : UINT16_MAX,
        .limit = ss->limit,
        .attr = ss->attr,
        .flat = flat,
        .mmu = x86_data_mmu(c),
        .vector = X86_SSX,
    };
}

void x86_stack_new(const X86Cpu *c, X86Stack *st, const X86Desc *ss,
                   uint64_t sp, unsigned cpl, unsigned ext)
{
    *st = (X86Stack){
        .base = ss->base,
        .sp = sp,
        .mask = ss->attr & X86_ATTR_D ? UINT32_MAX : UINT16_MAX,
        .limit = ss->limit,
        .attr = ss->attr,
        .mmu = cpl == 3 ? X86_MMU_USER : X86_MMU_KERNEL,
        .error = (ss->sel & ~3u) | ext,
        .vector = X86_SSX,
    };
}

/* Linear address of @size bytes at stack offset @sp; false: raised. */
static bool stack_linear(X86Cpu *c, const X86Stack *st, uint64_t sp,
                         unsigned size, uint64_t *linear)
{
    uint64_t off = sp & st->mask, last = off + size - 1;
    bool good;

    if (st->flat) {
        *linear = off;
        good = x86_canonical(off) && x86_canonical(last);
    } else {
        *linear = (uint32_t)(st->base + off);
        if ((st->attr & (X86_ATTR_S | 0xc)) == (X86_ATTR_S | 4)) {
            good = off > st->limit
                   && last <= (st->attr & X86_ATTR_D ? UINT32_MAX : UINT16_MAX);
        } else {
            good = last <= st->limit;
        }
    }
    if (!good) {
        x86_raise_error(c, st->vector, st->error);
    }
    return good;
}

bool x86_stack_probe(X86Cpu *c, const X86Stack *st, unsigned count,
                     unsigned size)
{
    uint64_t sp = st->sp, linear, low = 0;
    unsigned run = 0; /* contiguous bytes from low, not yet probed */

    for (unsigned i = 0; i < count; i++) {
        sp -= size;
        if (!stack_linear(c, st, sp, size, &linear)) {
            return false;
        }
        if (run && linear + size != low) {
            if (!vcpu_probe(&c->v, low, run, st->mmu, ACCESS_WRITE)) {
                return false;
            }
            run = 0;
        }
        low = linear;
        run += size;
    }
    return !run || vcpu_probe(&c->v, low, run, st->mmu, ACCESS_WRITE);
}

/* The usual frame of 64-bit code, @count words from @low up: all in one page
 * that needs no checks. NULL: one by one. */
static uint8_t *stack_direct(X86Cpu *c, const X86Stack *st, uint64_t low,
                             unsigned count, unsigned size, MemAccess access)
{
    if (!st->flat || size != 8 || !x86_canonical(low)) {
        return NULL;
    }
    return vcpu_direct(&c->v, low, count * 8, st->mmu, access);
}

bool x86_stack_push(X86Cpu *c, X86Stack *st, const uint64_t *values,
                    unsigned count, unsigned size)
{
    uint64_t linear, low = st->sp - (uint64_t)count * size;
    uint8_t *p = stack_direct(c, st, low, count, size, ACCESS_WRITE);

    if (p) {
        for (unsigned i = 0; i < count; i++) {
            st_le64(p + 8 * (count - 1 - i), values[i]);
        }
        st->sp = low;
        return true;
    }
    if (!x86_stack_probe(c, st, count, size)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        st->sp -= size;
        if (!stack_linear(c, st, st->sp, size, &linear)
            || !vcpu_store(&c->v, linear, size, st->mmu, values[i])) {
            return false;
        }
    }
    return true;
}

bool x86_stack_pop(X86Cpu *c, X86Stack *st, uint64_t *values, unsigned count,
                   unsigned size)
{
    const uint8_t *p = stack_direct(c, st, st->sp, count, size, ACCESS_READ);
    uint64_t sp = st->sp, linear;

    if (p) {
        for (unsigned i = 0; i < count; i++) {
            values[i] = ld_le64(p + 8 * i);
        }
        st->sp += 8 * count;
        return true;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!stack_linear(c, st, sp, size, &linear)
            || !vcpu_load(&c->v, linear, size, st->mmu, &values[i])) {
            return false;
        }
        sp += size;
    }
    st->sp = sp;
    return true;
}

void x86_stack_commit(X86Cpu *c, const X86Stack *st)
{
    uint64_t *rsp = &c->gpr[X86_RSP];

    if (st->mask == UINT16_MAX) {
        *rsp = (*rsp & ~0xffffull) | (st->sp & 0xffff);
    } else {
        *rsp = st->sp & st->mask;
    }
}
