/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message signalled interrupts: the MSI and MSI-X capabilities.
 * Source: PCI 6.8. Messages have per-vector masks and pending bits.
 */
#include "core/bytes.h"
#include "hw/pci/pci_priv.h"

/* MSI capability with 64-bit address and masks, PCI 6.8.1 */
#define MSI_SIZE 0x18
#define MSI_CTRL 0x02
#define MSI_CTRL_ENABLE 0x0001u
#define MSI_CTRL_MMC_SHIFT 1 /* capable of 2^n messages */
#define MSI_CTRL_MME_SHIFT 4 /* enabled */
#define MSI_CTRL_64 0x0080u
#define MSI_CTRL_MASKS 0x0100u
#define MSI_ADDR 0x04
#define MSI_DATA 0x0c
#define MSI_MASK 0x10
#define MSI_PENDING 0x14

/* MSI-X, PCI 6.8.2 */
#define MSIX_SIZE 0x0c
#define MSIX_CTRL 0x02
#define MSIX_CTRL_ENABLE 0x8000u
#define MSIX_CTRL_MASK_ALL 0x4000u
#define MSIX_TABLE 0x04
#define MSIX_PBA 0x08
#define MSIX_PBA_AT 0x800
#define MSIX_REGION_BYTES 4096
#define MSIX_ENTRY_MASKED 1u

static bool covers(unsigned at, unsigned size, unsigned first, unsigned len)
{
    return at < first + len && first < at + size;
}

/* --- MSI ------------------------------------------------------------------ */

void pci_msi_add(PciDevice *pd, unsigned vectors)
{
    uint8_t at = pci_cap_add(pd, PCI_CAP_MSI, MSI_SIZE);
    unsigned log2 = (unsigned)__builtin_ctz(vectors);

    g_assert(vectors >= 1 && vectors <= 32 && !(vectors & (vectors - 1)));
    pd->msi_at = at;
    st_le16(
        pd->initial + at + MSI_CTRL,
        (uint16_t)(MSI_CTRL_64 | MSI_CTRL_MASKS | log2 << MSI_CTRL_MMC_SHIFT));
    st_le16(pd->writable + at + MSI_CTRL,
            MSI_CTRL_ENABLE | 7 << MSI_CTRL_MME_SHIFT);
    st_le32(pd->writable + at + MSI_ADDR, 0xfffffffc);
    st_le32(pd->writable + at + MSI_ADDR + 4, 0xffffffff);
    st_le16(pd->writable + at + MSI_DATA, 0xffff);
    st_le32(pd->writable + at + MSI_MASK, (uint32_t)((1ull << vectors) - 1));
}

bool pci_msi_enabled(const PciDevice *pd)
{
    return pd->msi_at
           && pci_config16(pd, pd->msi_at + MSI_CTRL) & MSI_CTRL_ENABLE;
}

/* The low bits of the data are the message's number, as many as are enabled. */
static void msi_send(PciDevice *pd, unsigned vector)
{
    const uint8_t *cap = pd->config + pd->msi_at;
    unsigned mme = ld_le16(cap + MSI_CTRL) >> MSI_CTRL_MME_SHIFT & 7;
    uint32_t low = (1u << MIN(mme, 5u)) - 1;
    uint32_t data = ld_le16(cap + MSI_DATA);

    pci_send_msi(pd, ld_le64(cap + MSI_ADDR), (data & ~low) | (vector & low));
}

void pci_msi_notify(PciDevice *pd, unsigned vector)
{
    uint8_t *cap = pd->config + pd->msi_at;

    if (!pci_msi_enabled(pd)) {
        return;
    }
    if (ld_le32(cap + MSI_MASK) >> vector & 1) {
        st_le32(cap + MSI_PENDING, ld_le32(cap + MSI_PENDING) | 1u << vector);
        return;
    }
    msi_send(pd, vector);
}

static void msi_flush(PciDevice *pd)
{
    uint8_t *cap = pd->config + pd->msi_at;
    uint32_t ready = ld_le32(cap + MSI_PENDING) & ~ld_le32(cap + MSI_MASK);

    if (!pci_msi_enabled(pd)) {
        return;
    }
    st_le32(cap + MSI_PENDING, ld_le32(cap + MSI_PENDING) & ~ready);
    for (; ready; ready &= ready - 1) {
        msi_send(pd, (unsigned)__builtin_ctz(ready));
    }
}

/* --- MSI-X ---------------------------------------------------------------- */

bool pci_msix_enabled(const PciDevice *pd)
{
    return pd->msix_at
           && pci_config16(pd, pd->msix_at + MSIX_CTRL) & MSIX_CTRL_ENABLE;
}

static bool msix_masked(const PciDevice *pd, unsigned vector)
{
    return pci_config16(pd, pd->msix_at + MSIX_CTRL) & MSIX_CTRL_MASK_ALL
           || pd->msix_table[4 * vector + 3] & MSIX_ENTRY_MASKED;
}

static void msix_send(PciDevice *pd, unsigned vector)
{
    const uint32_t *e = &pd->msix_table[4 * vector];

    pci_send_msi(pd, e[0] | (uint64_t)e[1] << 32, e[2]);
}

void pci_msix_notify(PciDevice *pd, unsigned vector)
{
    if (!pci_msix_enabled(pd) || vector >= pd->msix_count) {
        return;
    }
    if (msix_masked(pd, vector)) {
        pd->msix_pending |= 1ull << vector;
    } else {
        msix_send(pd, vector);
    }
}

static void msix_flush(PciDevice *pd)
{
    for (unsigned i = 0; pci_msix_enabled(pd) && i < pd->msix_count; i++) {
        if (pd->msix_pending >> i & 1 && !msix_masked(pd, i)) {
            pd->msix_pending &= ~(1ull << i);
            msix_send(pd, i);
        }
    }
}

static uint64_t msix_peek(Device *dev, uint64_t off, unsigned size)
{
    PciDevice *pd = (PciDevice *)dev;
    uint32_t v = 0;

    if (off < 16u * pd->msix_count) {
        v = pd->msix_table[off / 4];
    } else if (off == MSIX_PBA_AT) {
        v = (uint32_t)pd->msix_pending;
    } else if (off == MSIX_PBA_AT + 4) {
        v = (uint32_t)(pd->msix_pending >> 32);
    }
    return v;
}

static void msix_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    PciDevice *pd = (PciDevice *)dev;

    if (off < 16u * pd->msix_count) {
        pd->msix_table[off / 4] = (uint32_t)v;
        msix_flush(pd);
    }
}

static const MemOps msix_ops = {
    .read = msix_peek,
    .write = msix_write,
    .peek = msix_peek,
    .min_size = 4,
    .max_size = 4,
};

bool pci_msix_add(PciDevice *pd, unsigned vectors, unsigned bar, GError **error)
{
    uint8_t at;

    if (vectors < 1 || vectors > PCI_MSIX_MAX) {
        return fail(error, "%s: %u MSI-X vectors (1 to %u are possible)",
                    pd->dev.path, vectors, PCI_MSIX_MAX);
    }
    at = pci_cap_add(pd, PCI_CAP_MSIX, MSIX_SIZE);
    pd->msix_at = at;
    pd->msix_count = (uint8_t)vectors;
    st_le16(pd->initial + at + MSIX_CTRL, (uint16_t)(vectors - 1));
    st_le16(pd->writable + at + MSIX_CTRL,
            MSIX_CTRL_ENABLE | MSIX_CTRL_MASK_ALL);
    st_le32(pd->initial + at + MSIX_TABLE, bar);
    st_le32(pd->initial + at + MSIX_PBA, MSIX_PBA_AT | bar);
    pd->msix_region =
        mem_io(pd->dev.vm, "msix", &pd->dev, &msix_ops, MSIX_REGION_BYTES);
    pci_bar_mem(pd, bar, pd->msix_region, false, false);
    return true;
}

void pci_msix_reset(PciDevice *pd)
{
    for (unsigned i = 0; i < pd->msix_count; i++) {
        pd->msix_table[4 * i + 3] = MSIX_ENTRY_MASKED;
    }
}

void pci_msi_config_written(PciDevice *pd, unsigned at, unsigned size)
{
    if (pd->msi_at && covers(at, size, pd->msi_at, MSI_SIZE)) {
        msi_flush(pd);
    }
    if (pd->msix_at && covers(at, size, pd->msix_at + MSIX_CTRL, 2)) {
        msix_flush(pd);
    }
}
