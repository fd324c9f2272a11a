/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that all blocks share: entry, returns, slow memory, indirect jumps. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include <string.h>

#define AT(member) x64_at(X64_RBP, (int32_t)offsetof(Vcpu, member) - t1->bias)

static const uint8_t saved[] = {X64_RBX, X64_RBP, X64_R12,
                                X64_R13, X64_R14, X64_R15};
static const uint8_t clobbered[] = {X64_RAX, X64_RCX, X64_RDX, X64_RSI,
                                    X64_RDI};
static const uint8_t kept[] = {X64_RBX, X64_R12, X64_R13};

static void push_pop(X64 *x, unsigned code, int r)
{
    if (r >= 8) {
        x64_u8(x, 0x41);
    }
    x64_u8(x, code | (r & 7));
}

static void pins(T1 *t1, X64 *x, const uint8_t *list, unsigned n, bool store)
{
    for (unsigned i = 0; i < n; i++) {
        int r = list[i], g = t1->pinned[r];

        if (g != T1_NONE) {
            x64_rm(x, store ? X64_MOV_STORE : X64_MOV_LOAD, 8, r,
                   x64_at(X64_RBP,
                          (int32_t)t1->ops->globals[g].offset - t1->bias));
        }
    }
}

/* The hottest globals get the registers that instructions of the guest are
 * likely to want: on x86, their own. */
static void choose_pins(T1 *t1)
{
    static const uint8_t order[T1_PINS] = {X64_RAX, X64_RCX, X64_RDX, X64_R12,
                                           X64_RSI, X64_RDI, X64_RBX, X64_R13};
    const CpuOps *ops = t1->ops;

    memset(t1->pinned, 0xff, sizeof(t1->pinned));
    memset(t1->pin_of, 0xff, sizeof(t1->pin_of));
    for (unsigned g = 0; g < ops->global_count; g++) {
        const IrGlobal *i = &ops->globals[g];

        int r;

        if (i->type != IR_INT || i->hot < 1 || i->hot > T1_PINS) {
            continue;
        }
        r = order[i->hot - 1];
        if (t1->pinned[r] == T1_NONE) {
            t1->pinned[r] = (int16_t)g;
            t1->pin_of[g] = r;
        }
    }
}

/* rbp such that the first globals are in reach of a byte offset. */
static int32_t choose_bias(const CpuOps *ops)
{
    uint32_t least = UINT32_MAX;

    for (unsigned g = 0; g < ops->global_count; g++) {
        if (ops->globals[g].type == IR_INT) {
            least = MIN(least, ops->globals[g].offset);
        }
    }
    return least == UINT32_MAX ? 0 : (int32_t)least + 128;
}

static void enter_stub(T1 *t1, X64 *x, Vcpu *v)
{
    X64Mem tlb = x64_at(X64_RAX, 0);

    t1->enter = (T1Result(*)(Vcpu *, const void *))(uintptr_t)x->p;
    for (unsigned i = 0; i < sizeof(saved); i++) {
        push_pop(x, 0x50, saved[i]);
    }
    x64_rr(x, 0x81, 8, X64_SUB, X64_RSP);
    x64_u32(x, T1_F_SIZE);
    x64_rm(x, X64_LEA, 8, X64_RBP, x64_at(X64_RDI, t1->bias));
    x64_mov(x, 8, X64_R8, X64_RSI);
    x64_rm(x, X64_MOV_LOAD, 8, X64_RAX, AT(tlb));
    for (unsigned mmu = 0; mmu < t1->ops->mmu_count; mmu++) {
        tlb.disp = (int32_t)(offsetof(Tlb, l1) + mmu * sizeof(TlbL1)
                             + offsetof(TlbL1, table));
        x64_rm(x, X64_MOV_LOAD, 8, X64_RCX, tlb);
        x64_rm(x, X64_MOV_STORE, 8, X64_RCX,
               x64_at(X64_RSP, T1_F_TABLE + 8 * (int)mmu));
    }
    tlb.disp = offsetof(Tlb, jump);
    x64_rm(x, X64_LEA, 8, X64_RCX, tlb);
    x64_rm(x, X64_MOV_STORE, 8, X64_RCX, x64_at(X64_RSP, T1_F_JUMP));
    x64_imm(x, X64_RCX, (uint64_t)(uintptr_t)v->accel->cache.arena);
    x64_rm(x, X64_MOV_STORE, 8, X64_RCX, x64_at(X64_RSP, T1_F_ARENA));
    x64_mov_mem_imm(x, 1, x64_at(X64_RSP, T1_F_FP), 0);
    x64_mov_mem_imm(x, 4, x64_at(X64_RSP, T1_F_BLOCK), 0);
    x64_rm(x, X64_MOV_LOAD, 4, X64_R15, AT(budget));
    pins(t1, x, clobbered, sizeof(clobbered), false);
    pins(t1, x, kept, sizeof(kept), false);
    x64_rr(x, 0xff, 0, 4, X64_R8); /* jmp r8 */
}

#define X64_MXCSR 0x0fae /* /2 load, /3 store */

/* Sticky flags to the vCPU, the host's own control word back. Uses r8; the
 * frame is @further bytes away. */
static void fp_store(T1 *t1, X64 *x, int further)
{
    X64Mem at = x64_at(X64_RSP, further + T1_F_MXCSR);
    X64Mem host = x64_at(X64_RSP, further + T1_F_DEFAULT);
    X64Mem guest = x64_at(X64_RBP, (int32_t)t1->ops->fp_control - t1->bias);

    x64_rm(x, X64_MXCSR, 0, 3, at);
    x64_rm(x, X64_MOV_LOAD, 4, X64_R8, at);
    x64_alu_imm(x, X64_AND, 4, X64_R8, 0x3f);
    x64_rm(x, 0x09, 4, X64_R8, guest); /* or */
    x64_mov_mem_imm(x, 4, host, 0x1f80);
    x64_rm(x, X64_MXCSR, 0, 2, host);
    x64_mov_mem_imm(x, 1, x64_at(X64_RSP, further + T1_F_FP), 0);
}

/* fp_load keeps all registers. */
static void fp_stubs(T1 *t1, X64 *x)
{
    X64Mem at = x64_at(X64_RSP, 16 + T1_F_MXCSR);

    t1->fp_store = x->p;
    fp_store(t1, x, 8);
    x64_u8(x, 0xc3);
    t1->fp_load = x->p;
    push_pop(x, 0x50, X64_RAX);
    x64_rm(x, X64_MOV_LOAD, 4, X64_RAX,
           x64_at(X64_RBP, (int32_t)t1->ops->fp_control - t1->bias));
    x64_alu_imm(x, X64_AND, 4, X64_RAX, 0xffff);
    x64_rm(x, X64_MOV_STORE, 4, X64_RAX, at);
    x64_rm(x, X64_MXCSR, 0, 2, at);
    x64_mov_mem_imm(x, 1, x64_at(X64_RSP, 16 + T1_F_FP), 1);
    push_pop(x, 0x58, X64_RAX);
    x64_u8(x, 0xc3);
}

/* exit_spill: r9 code, r8 value. exit_plain: rax, rdx. */
static void exit_stubs(T1 *t1, X64 *x)
{
    t1->exit_spill = x->p;
    pins(t1, x, clobbered, sizeof(clobbered), true);
    pins(t1, x, kept, sizeof(kept), true);
    x64_rm(x, X64_MOV_STORE, 4, X64_R15, AT(budget));
    x64_mov(x, 8, X64_RAX, X64_R9);
    x64_mov(x, 8, X64_RDX, X64_R8);
    t1->exit_plain = x->p;
    if (t1->ops->fp_control) {
        uint8_t *none;

        x64_alu_mem_imm8(x, X64_CMP, x64_at(X64_RSP, T1_F_FP), 0);
        none = x64_jcc(x, X64_CC_E, x->p);
        fp_store(t1, x, 0);
        x64_patch(none, x->p);
    }
    x64_rm(x, X64_MOV_LOAD, 4, X64_R8, x64_at(X64_RSP, T1_F_BLOCK));
    x64_shift_imm(x, X64_SHL, 8, X64_R8, 32);
    x64_alu_rr(x, X64_OR, 8, X64_RAX, X64_R8);
    x64_rr(x, 0x81, 8, X64_ADD, X64_RSP);
    x64_u32(x, T1_F_SIZE);
    for (unsigned i = sizeof(saved); i-- > 0;) {
        push_pop(x, 0x58, saved[i]);
    }
    x64_u8(x, 0xc3);
}

/* Called with r8 the guest address and r9 the site's info; keeps the pinned
 * registers, nothing else. The frame is 16 bytes further away. */
static uint8_t *slow_stub(T1 *t1, X64 *x, T1SlowFn *fn)
{
    uint8_t *start = x->p, *bad;

    x64_alu_imm(x, X64_SUB, 8, X64_RSP, 8);
    pins(t1, x, clobbered, sizeof(clobbered), true);
    x64_rm(x, X64_MOV_STORE, 8, X64_R9, x64_at(X64_RSP, 16 + T1_F_INFO));
    x64_mov(x, 8, X64_RAX, X64_R9);
    x64_shift_imm(x, X64_SHR, 8, X64_RAX, 32);
    x64_alu_rr(x, X64_ADD, 4, X64_RAX, X64_R15);
    x64_rm(x, X64_MOV_STORE, 4, X64_RAX, AT(budget));
    x64_rm(x, X64_LEA, 8, X64_RDI, x64_at(X64_RBP, -t1->bias));
    x64_mov(x, 8, X64_RSI, X64_R8);
    x64_mov(x, 4, X64_RDX, X64_R9);
    x64_rm(x, X64_MOV_LOAD, 8, X64_RCX, x64_at(X64_RSP, 16 + T1_F_VALUE));
    x64_rm(x, X64_LEA, 8, X64_R8, x64_at(X64_RSP, 16 + T1_F_VEC));
    x64_call_far(x, (const void *)(uintptr_t)fn);
    x64_rr(x, X64_TEST, 4, X64_RAX, X64_RAX);
    bad = x64_jcc(x, X64_CC_NE, x->p);
    x64_rm(x, X64_MOV_STORE, 8, X64_RDX, x64_at(X64_RSP, 16 + T1_F_VALUE));
    x64_rm(x, X64_MOV_LOAD, 4, X64_R15, AT(budget));
    x64_alu_rm(x, X64_SUB, 4, X64_R15, x64_at(X64_RSP, 16 + T1_F_INFO + 4));
    pins(t1, x, clobbered, sizeof(clobbered), false);
    x64_alu_imm(x, X64_ADD, 8, X64_RSP, 8);
    x64_u8(x, 0xc3);
    x64_patch(bad, x->p);
    x64_alu_imm(x, X64_ADD, 8, X64_RSP, 16);
    pins(t1, x, kept, sizeof(kept), true);
    x64_jmp(x, t1->exit_plain);
    return start;
}

/* r9 = entry for the address in r8, see JUMP_OFFSET; uses r10. */
static void jump_entry(X64 *x)
{
    x64_mov(x, 4, X64_R10, X64_R8);
    x64_shift_imm(x, X64_SHL, 4, X64_R10, 7);
    x64_alu_imm(x, X64_AND, 4, X64_R10, 0xf80);
    x64_mov(x, 4, X64_R9, X64_R8);
    x64_alu_rr(x, X64_XOR, 4, X64_R9, X64_R10);
    x64_alu_imm(x, X64_AND, 4, X64_R9, 0xfffe0);
    x64_alu_rm(x, X64_ADD, 8, X64_R9, x64_at(X64_RSP, T1_F_JUMP));
}

/* On through the entry r9, if it is for r8 and the mode r10; returns the jumps
 * taken when not. */
static void jump_through(const T1 *t1, X64 *x, uint8_t *miss[2])
{
    x64_alu_rm(x, X64_CMP, 8, X64_R8, x64_at(X64_R9, offsetof(JumpEntry, pc)));
    miss[0] = x64_jcc(x, X64_CC_NE, x->p);
    x64_alu_rm(x, X64_CMP, 8, X64_R10,
               x64_at(X64_R9, offsetof(JumpEntry, mode)));
    miss[1] = x64_jcc(x, X64_CC_NE, x->p);
    x64_rm(x, X64_MOV_LOAD, 4, X64_R11,
           x64_at(X64_R9, offsetof(JumpEntry, block)));
    x64_mov(x, 8, X64_R10, X64_R8);
    x64_alu_imm(x, X64_AND, 8, X64_R10, -4096);
    x64_rm(x, X64_MOV_STORE, 8, X64_R10, AT(pc_page));
    x64_mov_mem_imm(x, 1, AT(pc_page_ok), 1);
    x64_rm(x, X64_MOV_STORE, 4, X64_R11, x64_at(X64_RSP, T1_F_BLOCK));
    x64_rm(x, 0xff, 0, 4, x64_at(X64_R9, offsetof(JumpEntry, native)));
}

/* As accel_jump(); pc_ram and pc_host follow when native code is left. */
void t1_jump(const T1 *t1, X64 *x)
{
    uint8_t *miss[2];

    jump_entry(x);
    x64_rm(x, X64_MOV_LOAD, 8, X64_R10, AT(mode));
    jump_through(t1, x, miss);
    x64_patch(miss[0], t1->jump_other);
    x64_patch(miss[1], t1->jump_other);
}

/* r8: where to, which the entry r9 does not tell: the other one may, or C, else
 * the engine goes on. */
static void miss_stub(T1 *t1, X64 *x)
{
    uint8_t *none, *miss[2];

    t1->jump_other = x->p;
    x64_rr(x, 0x83, 8, X64_XOR, X64_R9);
    x64_u8(x, sizeof(JumpEntry));
    jump_through(t1, x, miss);
    x64_patch(miss[0], x->p);
    x64_patch(miss[1], x->p);
    t1->jump_miss = x->p;
    x64_rm(x, X64_MOV_STORE, 8, X64_R8, x64_at(X64_RSP, T1_F_VALUE));
    pins(t1, x, clobbered, sizeof(clobbered), true);
    x64_rm(x, X64_LEA, 8, X64_RDI, x64_at(X64_RBP, -t1->bias));
    x64_mov(x, 8, X64_RSI, X64_R8);
    x64_call_far(x, (const void *)(uintptr_t)t1_find);
    x64_rr(x, X64_TEST, 8, X64_RAX, X64_RAX);
    none = x64_jcc(x, X64_CC_E, x->p);
    x64_rm(x, X64_MOV_STORE, 4, X64_RDX, x64_at(X64_RSP, T1_F_BLOCK));
    x64_mov(x, 8, X64_R8, X64_RAX);
    pins(t1, x, clobbered, sizeof(clobbered), false);
    x64_rr(x, 0xff, 0, 4, X64_R8); /* jmp r8 */
    x64_patch(none, x->p);
    pins(t1, x, clobbered, sizeof(clobbered), false);
    x64_rm(x, X64_MOV_LOAD, 8, X64_R8, x64_at(X64_RSP, T1_F_VALUE));
    x64_imm(x, X64_R9, T1_X_LOOKUP);
    x64_jmp(x, t1->exit_spill);
}

/* Called; flags tell whether @fn returned 0. Keeps the pinned registers, the
 * budget may change. */
static uint8_t *look_stub(T1 *t1, X64 *x, uint64_t (*fn)(Vcpu *))
{
    uint8_t *start = x->p;

    x64_alu_imm(x, X64_SUB, 8, X64_RSP, 8);
    pins(t1, x, clobbered, sizeof(clobbered), true);
    x64_rm(x, X64_MOV_STORE, 4, X64_R15, AT(budget));
    x64_rm(x, X64_LEA, 8, X64_RDI, x64_at(X64_RBP, -t1->bias));
    x64_call_far(x, (const void *)(uintptr_t)fn);
    x64_alu_imm(x, X64_ADD, 8, X64_RSP, 8);
    x64_rr(x, X64_TEST, 4, X64_RAX, X64_RAX);
    x64_rm(x, X64_MOV_LOAD, 4, X64_R15, AT(budget));
    pins(t1, x, clobbered, sizeof(clobbered), false);
    x64_u8(x, 0xc3);
    return start;
}

void t1_stubs(T1 *t1, Vcpu *v)
{
    X64 x = {t1->code, t1->code + 16384};

    t1->ops = v->ops;
    t1->l1_mask = (uint32_t)v->tlb->l1[0].mask;
    t1->bias = choose_bias(v->ops);
    choose_pins(t1);
    exit_stubs(t1, &x);
    enter_stub(t1, &x, v);
    t1->slow_load = slow_stub(t1, &x, t1_slow_load);
    t1->slow_store = slow_stub(t1, &x, t1_slow_store);
    t1->slow_load_vec = slow_stub(t1, &x, t1_slow_load_vec);
    t1->slow_store_vec = slow_stub(t1, &x, t1_slow_store_vec);
    t1->slow_probe = slow_stub(t1, &x, t1_slow_probe);
    miss_stub(t1, &x);
    t1->look = look_stub(t1, &x, t1_look);
    t1->look_far = look_stub(t1, &x, t1_look_far);
    fp_stubs(t1, &x);
    g_assert(x.p < x.end);
    t1->hot_start = x.end;
    t1->cold_start = t1->code + t1->size / 5 * 2;
    t1->hot = (X64){t1->hot_start, t1->cold_start};
    t1->cold = (X64){t1->cold_start, t1->code + t1->size};
}

#endif
