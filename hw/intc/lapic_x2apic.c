/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x2APIC mode: the registers as MSRs 0x800-0x83f. Source: SDM 3 10.12.
 * Unlike in the window, reserved bits and registers give #GP.
 */
#include "hw/intc/apic_priv.h"

#define HIGH_32 0xffffffff00000000ull

/* What may be written; the others are read-only or are not there. */
typedef struct X2apicRow {
    uint8_t first, count;
    bool read;
    uint64_t writable; /* NOT_WRITABLE: #GP */
} X2apicRow;
#define NOT_WRITABLE UINT64_MAX

/* clang-format off */
/* SDM 3 table 10-6 */
static const X2apicRow x2apic_rows[] = {
    {LAPIC_R_ID, 1, true, NOT_WRITABLE},
    {LAPIC_R_VERSION, 1, true, NOT_WRITABLE},
    {LAPIC_R_TPR, 1, true, 0xff},
    {LAPIC_R_PPR, 1, true, NOT_WRITABLE},
    {LAPIC_R_EOI, 1, false, 0},
    {LAPIC_R_LDR, 1, true, NOT_WRITABLE},
    {LAPIC_R_SVR, 1, true, 0x3ff},
    {LAPIC_R_ISR, 24, true, NOT_WRITABLE}, /* and TMR, IRR */
    {LAPIC_R_ESR, 1, true, 0},
    {LAPIC_R_ICR_LOW, 1, true, HIGH_32 | 0xccfff},
    /* LVT: what each holds, and bits that are read-only */
    {LAPIC_R_LVT + LVT_TIMER, 1, true, 0x710ff},
    {LAPIC_R_LVT + LVT_THERMAL, 2, true, 0x117ff},
    {LAPIC_R_LVT + LVT_LINT0, 2, true, 0x1f7ff},
    {LAPIC_R_LVT + LVT_ERROR, 1, true, 0x110ff},
    {LAPIC_R_INITIAL, 1, true, UINT32_MAX},
    {LAPIC_R_CURRENT, 1, true, NOT_WRITABLE},
    {LAPIC_R_DIVIDE, 1, true, 0xb},
    {LAPIC_R_SELF_IPI, 1, false, 0xff},
};
/* clang-format on */

static const X2apicRow *x2apic_find(const Lapic *l, unsigned reg)
{
    for (unsigned i = 0; lapic_is_x2(l) && i < G_N_ELEMENTS(x2apic_rows); i++) {
        const X2apicRow *r = &x2apic_rows[i];

        if (reg - r->first < r->count) {
            return r;
        }
    }
    return NULL;
}

/* SDM 3 10.12.10.2: cluster in the upper half, one bit in the lower */
uint32_t lapic_x2_ldr(const Lapic *l)
{
    uint32_t id = l->cpu->apic_id;

    return (id >> 4) << 16 | 1u << (id & 15);
}

bool lapic_x2apic_read(Device *dev, unsigned reg, uint64_t *out)
{
    Lapic *l = (Lapic *)dev;
    const X2apicRow *r = x2apic_find(l, reg);

    if (!r || !r->read) {
        return false;
    }
    *out = lapic_read_reg(l, reg);
    if (reg == LAPIC_R_ICR_LOW) {
        *out |= (uint64_t)l->icr_high << 32;
    }
    return true;
}

bool lapic_x2apic_write(Device *dev, unsigned reg, uint64_t v)
{
    Lapic *l = (Lapic *)dev;
    const X2apicRow *r = x2apic_find(l, reg);

    if (!r || r->writable == NOT_WRITABLE || (v & ~r->writable)) {
        return false;
    }
    if (reg == LAPIC_R_SELF_IPI) {
        lapic_self_ipi(l, (uint8_t)v);
        return true;
    }
    if (reg == LAPIC_R_ICR_LOW) {
        l->icr_high = v >> 32;
    }
    lapic_write_reg(l, reg, (uint32_t)v);
    return true;
}
