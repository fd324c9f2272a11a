/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a piece of x86 code in the emulator and on the host. */
#include "tests/unit/x86_rig.h"

#include <string.h>
#include <sys/mman.h>

#include "accel/vcpu.h"

#define RIG_DATA_LOW (RIG_DATA - 0x800)
#define RIG_STACK_LOW (RIG_STACK - 0x100)

static void rig_segments(X86Cpu *c, RigMode mode)
{
    static const uint16_t code[] = {0x009b, 0x809b, 0xc09b, 0xa09b};
    static const uint16_t data[] = {0x0093, 0x8093, 0xc093, 0xc093};
    uint32_t limit = mode == RIG_REAL ? 0xffff : UINT32_MAX;

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        uint64_t base = mode == RIG_REAL ? RIG_BASE : 0;

        x86_set_seg(c, i, 8, base, limit,
                    i == X86_CS ? code[mode] : data[mode]);
    }
    if (mode == RIG_REAL) { /* offsets 0-ffff reach data, stack; not code */
        x86_set_seg(c, X86_CS, 8, RIG_CODE, limit, code[mode]);
    } else if (mode == RIG_PROT16) {
        x86_set_seg(c, X86_CS, 8, RIG_CODE, limit, code[mode]);
    }
}

static void rig_mode(X86Cpu *c, RigMode mode)
{
    c->cr0 = mode == RIG_REAL ? 0x10 : 0x11;
    c->efer = mode == RIG_LONG ? 0x500 : 0;
    rig_segments(c, mode);
    memset(c->features, 0xff, sizeof(c->features)); /* all there is */
    x86_update_mode(c);
}

Rig *rig_new(RigMode mode, const char *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text =
        g_strconcat("tcg,verify=on", options ? "," : "", options, NULL);
    Rig *r = g_new0(Rig, 1);
    AccelOptions o = {0};
    MemRegion *ram;

    accel_options_parse(&o, text, &error);
    g_assert_no_error(error);
    if (!options || !strstr(options, "engine=")) {
        o.interp = g_getenv("REPRISE_TEST_JIT") == NULL;
    }
    r->vm = vm_new();
    accel_init(r->vm, &o, &error);
    g_assert_no_error(error);
    ram = mem_ram(r->vm, "ram", RIG_RAM, &error);
    g_assert_no_error(error);
    mem_add(r->vm->mem_root, 0, ram, 0);
    r->ram = mem_host(ram);
    r->c = x86_cpu_new(r->vm, NULL, 0, 1, "max", true, &error);
    g_assert_no_error(error);
    devices_seal(r->vm);
    devices_reset(r->vm);
    rig_mode(r->c, mode);
    return r;
}

void rig_free(Rig *r)
{
    if (r) {
        devices_free(r->vm);
        r->vm->devices = NULL;
        accel_fini(r->vm);
        vm_free(r->vm);
        g_free(r);
    }
}

void rig_code(Rig *r, const uint8_t *code, unsigned size)
{
    static const uint8_t stop[2] = {0xeb, 0xfe};

    mem_poke(r->vm->mem, RIG_CODE, code, size);
    mem_poke(r->vm->mem, RIG_CODE + size, stop, sizeof(stop));
}

void rig_guest(Rig *r, RigState *s, unsigned steps)
{
    X86Cpu *c = r->c;

    memcpy(c->gpr, s->gpr, sizeof(s->gpr));
    x86_cpu_set_eflags(c, s->flags);
    memcpy(r->ram + RIG_DATA_LOW, s->data, sizeof(s->data));
    memcpy(r->ram + RIG_STACK_LOW, s->stack, sizeof(s->stack));
    c->v.pc = RIG_CODE;
    vcpu_fetch_again(&c->v);
    g_assert_cmpint(vcpu_run(&c->v, steps), ==, VCPU_STOP_BUDGET);
    memcpy(s->gpr, c->gpr, sizeof(s->gpr));
    s->flags = x86_cpu_eflags(c);
    memcpy(s->data, r->ram + RIG_DATA_LOW, sizeof(s->data));
    memcpy(s->stack, r->ram + RIG_STACK_LOW, sizeof(s->stack));
}

#if defined(__x86_64__)

/* Lives in the mapped area so that plain 32-bit addresses reach it. */
typedef struct RigShelf {
    uint64_t gpr[16], flags;
    uint64_t host_rsp, code, back;
    uint64_t far_code; /* offset, selector */
    uint8_t stub[16];
} RigShelf;
#define RIG_SHELF "0x101f000" /* RIG_BASE + 0x1f000 */
#define SHELF ((RigShelf *)(uintptr_t)(RIG_BASE + 0x1f000))

void rig_enter(void);
void rig_enter32(void);
void rig_back(void);
/* clang-format off */
__asm__(
    ".text\n"
    "rig_enter:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rsp, " RIG_SHELF "+136\n"
    "pushq " RIG_SHELF "+128\n popfq\n"
    "mov " RIG_SHELF "+0, %rax\n mov " RIG_SHELF "+8, %rcx\n"
    "mov " RIG_SHELF "+16, %rdx\n mov " RIG_SHELF "+24, %rbx\n"
    "mov " RIG_SHELF "+32, %rsp\n mov " RIG_SHELF "+40, %rbp\n"
    "mov " RIG_SHELF "+48, %rsi\n mov " RIG_SHELF "+56, %rdi\n"
    "mov " RIG_SHELF "+64, %r8\n mov " RIG_SHELF "+72, %r9\n"
    "mov " RIG_SHELF "+80, %r10\n mov " RIG_SHELF "+88, %r11\n"
    "mov " RIG_SHELF "+96, %r12\n mov " RIG_SHELF "+104, %r13\n"
    "mov " RIG_SHELF "+112, %r14\n mov " RIG_SHELF "+120, %r15\n"
    "jmp *" RIG_SHELF "+144\n"
    "rig_enter32:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rsp, " RIG_SHELF "+136\n"
    "mov $0x2b, %eax\n mov %eax, %ds\n mov %eax, %es\n"
    "pushq " RIG_SHELF "+128\n popfq\n"
    "mov " RIG_SHELF "+0, %eax\n mov " RIG_SHELF "+8, %ecx\n"
    "mov " RIG_SHELF "+16, %edx\n mov " RIG_SHELF "+24, %ebx\n"
    "mov " RIG_SHELF "+32, %esp\n mov " RIG_SHELF "+40, %ebp\n"
    "mov " RIG_SHELF "+48, %esi\n mov " RIG_SHELF "+56, %edi\n"
    "ljmp *" RIG_SHELF "+160\n"
    "rig_back:\n"
    "mov %rax, " RIG_SHELF "+0\n mov %rcx, " RIG_SHELF "+8\n"
    "mov %rdx, " RIG_SHELF "+16\n mov %rbx, " RIG_SHELF "+24\n"
    "mov %rsp, " RIG_SHELF "+32\n mov %rbp, " RIG_SHELF "+40\n"
    "mov %rsi, " RIG_SHELF "+48\n mov %rdi, " RIG_SHELF "+56\n"
    "mov %r8, " RIG_SHELF "+64\n mov %r9, " RIG_SHELF "+72\n"
    "mov %r10, " RIG_SHELF "+80\n mov %r11, " RIG_SHELF "+88\n"
    "mov %r12, " RIG_SHELF "+96\n mov %r13, " RIG_SHELF "+104\n"
    "mov %r14, " RIG_SHELF "+112\n mov %r15, " RIG_SHELF "+120\n"
    "mov " RIG_SHELF "+136, %rsp\n"
    "pushfq\n popq " RIG_SHELF "+128\n cld\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "ret\n");
/* clang-format on */

static bool rig_map(void)
{
    static bool done, mapped; /* of this process */

    if (!done) {
        void *want = (void *)(uintptr_t)RIG_BASE;

        done = true;
        mapped = mmap(want, RIG_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
                 == want;
    }
    return mapped;
}

static void rig_run(const uint8_t *code, unsigned size, const uint8_t *leave,
                    unsigned leave_size, RigState *s, void (*enter)(void))
{
    uint8_t *at = (uint8_t *)(uintptr_t)RIG_CODE;

    memcpy(at, code, size);
    memcpy(at + size, leave, leave_size);
    memcpy((void *)(uintptr_t)RIG_DATA_LOW, s->data, sizeof(s->data));
    memcpy((void *)(uintptr_t)RIG_STACK_LOW, s->stack, sizeof(s->stack));
    memcpy(SHELF->gpr, s->gpr, sizeof(s->gpr));
    SHELF->flags = s->flags | 0x202;
    SHELF->code = RIG_CODE;
    SHELF->back = (uintptr_t)rig_back;
    SHELF->far_code = RIG_CODE | 0x23ull << 32; /* Linux: 32-bit user code */
    enter();
    memcpy(s->gpr, SHELF->gpr, sizeof(s->gpr));
    s->flags = SHELF->flags;
    memcpy(s->data, (void *)(uintptr_t)RIG_DATA_LOW, sizeof(s->data));
    memcpy(s->stack, (void *)(uintptr_t)RIG_STACK_LOW, sizeof(s->stack));
}

/* jmp *SHELF->back */
static const uint8_t rig_leave[] = {0xff, 0x24, 0x25, 0x98, 0xf0, 0x01, 0x01};

bool rig_host(const uint8_t *code, unsigned size, RigState *s)
{
    if (!rig_map()) {
        return false;
    }
    rig_run(code, size, rig_leave, sizeof(rig_leave), s, rig_enter);
    return true;
}

bool rig_host32(const uint8_t *code, unsigned size, RigState *s)
{
    /* far jump to SHELF->stub as 64-bit code */
    static const uint8_t leave[] = {0xea, 0xa8, 0xf0, 0x01, 0x01, 0x33, 0};

    _Static_assert(offsetof(RigShelf, stub) == 0xa8, "as in leave");
    if (!rig_map()) {
        return false;
    }
    memcpy(SHELF->stub, rig_leave, sizeof(rig_leave));
    rig_run(code, size, leave, sizeof(leave), s, rig_enter32);
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = i < 8 ? (uint32_t)s->gpr[i] : 0;
    }
    return true;
}

#else

bool rig_host(const uint8_t *code, unsigned size, RigState *s)
{
    return false;
}

bool rig_host32(const uint8_t *code, unsigned size, RigState *s)
{
    return false;
}

#endif
