/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM store: blocks, dirty clients, versions, flags. */
#include "core/ram.h"

#include <string.h>

#include "core/vm.h"

#define PAGES 200

typedef struct Seen {
    GArray *protected; /* RamPage, all calls */
    GArray *versions;  /* RamPage */
    uint8_t first_old;
} Seen;

static void seen_protect(void *opaque, const RamPage *pages, size_t count)
{
    g_array_append_vals(((Seen *)opaque)->protected, pages, (guint)count);
}

static void seen_version(void *opaque, RamPage page, const uint8_t *old)
{
    Seen *s = opaque;

    g_array_append_val(s->versions, page);
    s->first_old = old[0];
}

static void check_pages(GArray *got, const RamPage *expected, guint count)
{
    g_assert_cmpmem(got->data, got->len * sizeof(RamPage), expected,
                    count * sizeof(RamPage));
    g_array_set_size(got, 0);
}

static Vm *ram_vm(Seen *seen, uint8_t **host)
{
    Vm *vm = vm_new();
    RamPage first;

    seen->protected = g_array_new(FALSE, FALSE, sizeof(RamPage));
    seen->versions = g_array_new(FALSE, FALSE, sizeof(RamPage));
    g_assert_true(ram_block_add(vm->ram, "ram", PAGES * GUEST_PAGE_SIZE, host,
                                &first, NULL));
    g_assert_cmpuint(first, ==, 0);
    mem_set_listener(vm,
                     &(MemListener){.protect = seen_protect, .opaque = seen});
    ram_set_before_write(vm->ram, seen_version, seen);
    return vm;
}

static void ram_vm_free(Vm *vm, Seen *seen)
{
    vm_free(vm);
    g_array_unref(seen->protected);
    g_array_unref(seen->versions);
}

static void test_ram_blocks(void)
{
    g_autoptr(GError) error = NULL;
    RamStore *s = ram_store_new();
    uint8_t *a, *b;
    RamPage first;
    uint64_t off;

    g_assert_true(ram_block_add(s, "a", 3 * GUEST_PAGE_SIZE, &a, &first, NULL));
    g_assert_true(ram_block_add(s, "b", 1, &b, &first, NULL));
    g_assert_cmpuint(first, ==, 3);
    g_assert_cmpuint(ram_page_count(s), ==, 4);
    g_assert_true(ram_page_host(s, 2) == a + 2 * GUEST_PAGE_SIZE);
    g_assert_true(ram_page_host(s, 3) == b);
    g_assert_cmpstr(ram_page_block(s, 2, &off), ==, "a");
    g_assert_cmphex(off, ==, 2 * GUEST_PAGE_SIZE);
    g_assert_cmpstr(ram_page_block(s, 3, &off), ==, "b");
    g_assert_cmphex(off, ==, 0);
    g_assert_cmpuint(b[GUEST_PAGE_SIZE - 1], ==, 0);

    g_assert_false(ram_block_add(s, "none", 0, &a, &first, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_false(ram_block_add(s, "all", UINT64_MAX, &a, &first, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(ram_page_count(s), ==, 4);
    ram_store_free(s);
}

static void test_ram_collect(void)
{
    static const RamPage some[] = {3, 63, 64, 199};
    Seen seen;
    uint8_t *host;
    Vm *vm = ram_vm(&seen, &host);
    uint8_t *flags = ram_flags(vm->ram);
    GArray *pages;

    g_assert_true(flags[0] & RAM_FAST); /* nobody asks */
    ram_client_enable(vm, RAM_CLIENT_DIGEST);
    pages = ram_client_collect(vm, RAM_CLIENT_DIGEST);
    g_assert_cmpuint(pages->len, ==, PAGES); /* all count as dirty */
    g_assert_cmpuint(seen.protected->len, ==, PAGES);
    g_array_set_size(seen.protected, 0);
    g_array_unref(pages);

    for (guint i = G_N_ELEMENTS(some); i-- > 0;) {
        g_assert_false(flags[some[i]] & RAM_FAST);
        ram_dirty(vm, some[i]);
        ram_dirty(vm, some[i]);
        g_assert_true(flags[some[i]] & RAM_FAST);
        g_assert_true(ram_client_is_dirty(vm->ram, RAM_CLIENT_DIGEST, some[i]));
    }
    pages = ram_client_collect(vm, RAM_CLIENT_DIGEST);
    check_pages(pages, some, G_N_ELEMENTS(some));
    check_pages(seen.protected, some, G_N_ELEMENTS(some));
    g_array_unref(pages);
    pages = ram_client_collect(vm, RAM_CLIENT_DIGEST);
    g_assert_cmpuint(pages->len, ==, 0);
    g_assert_cmpuint(seen.protected->len, ==, 0);
    g_array_unref(pages);
    ram_vm_free(vm, &seen);
}

/* One client's collecting must not hide writes from another. */
static void test_ram_clients(void)
{
    static const RamPage five[] = {5};
    Seen seen;
    uint8_t *host;
    Vm *vm = ram_vm(&seen, &host);

    ram_client_enable(vm, RAM_CLIENT_DIGEST);
    ram_client_enable(vm, RAM_CLIENT_CHECKPOINT);
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_DIGEST));
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_CHECKPOINT));
    g_assert_cmpuint(seen.versions->len, ==, 0);

    host[5 * GUEST_PAGE_SIZE] = 0x42;
    ram_dirty(vm, 5);
    g_assert_cmpuint(seen.first_old, ==, 0x42);
    check_pages(seen.versions, five, 1);

    for (int i = 0; i < 3; i++) {
        GArray *pages = ram_client_collect(vm, RAM_CLIENT_DIGEST);

        check_pages(pages, five, 1);
        g_array_unref(pages);
        ram_dirty(vm, 5); /* the checkpoint has this version already */
        g_assert_cmpuint(seen.versions->len, ==, 0);
    }
    GArray *pages = ram_client_collect(vm, RAM_CLIENT_CHECKPOINT);

    check_pages(pages, five, 1);
    g_array_unref(pages);
    ram_dirty(vm, 5);
    check_pages(seen.versions, five, 1);
    ram_vm_free(vm, &seen);
}

static void test_ram_range(void)
{
    static const RamPage touched[] = {10, 11, 12};
    Seen seen;
    uint8_t *host;
    Vm *vm = ram_vm(&seen, &host);
    GArray *pages;

    ram_client_enable(vm, RAM_CLIENT_DISPLAY);
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_DISPLAY));
    ram_dirty_range(vm, 9, 0, 0);
    ram_dirty_range(vm, 9, 2 * GUEST_PAGE_SIZE - 1, GUEST_PAGE_SIZE + 2);
    pages = ram_client_collect(vm, RAM_CLIENT_DISPLAY);
    check_pages(pages, touched, 3);
    g_array_unref(pages);
    ram_vm_free(vm, &seen);
}

static void test_ram_flag(void)
{
    static const RamPage seven[] = {7};
    Seen seen;
    uint8_t *host;
    Vm *vm = ram_vm(&seen, &host);
    uint8_t *flags = ram_flags(vm->ram);

    ram_set_flag(vm, 7, RAM_CODE, true);
    check_pages(seen.protected, seven, 1);
    ram_set_flag(vm, 7, RAM_CODE, true); /* nothing new */
    g_assert_cmpuint(seen.protected->len, ==, 0);
    g_assert_cmphex(flags[7], ==, RAM_FAST | RAM_CODE);
    ram_set_flag(vm, 7, RAM_CODE, false);
    g_assert_cmphex(flags[7], ==, RAM_FAST);

    ram_set_flag(vm, 7, RAM_NO_WRITE, true);
    ram_dirty(vm, 7);
    g_assert_cmphex(flags[7], ==, RAM_NO_WRITE); /* never fast */
    ram_vm_free(vm, &seen);
}

static void seen_code(void *opaque, RamPage page, uint32_t off, uint32_t len)
{
    g_assert_cmpuint(page, ==, 3);
    g_assert_cmpuint(len, ==, 64);
    g_array_append_val(((Seen *)opaque)->versions, off);
}

/* Only what differs is told, and only to those who do not know. */
static void test_ram_rewind(void)
{
    static const RamPage three[] = {3};
    static const uint32_t stretches[] = {64, 4032};
    uint8_t content[GUEST_PAGE_SIZE] = {0};
    Seen seen;
    uint8_t *host;
    Vm *vm = ram_vm(&seen, &host);
    GArray *pages;

    ram_client_enable(vm, RAM_CLIENT_DIGEST);
    ram_client_enable(vm, RAM_CLIENT_CHECKPOINT);
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_DIGEST));
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_CHECKPOINT));
    mem_set_listener(vm,
                     &(MemListener){.code_write = seen_code, .opaque = &seen});
    ram_set_flag(vm, 3, RAM_CODE, true);
    ram_rewind(vm, 3, content);
    g_assert_false(ram_client_is_dirty(vm->ram, RAM_CLIENT_DIGEST, 3));
    content[100] = 1;
    content[4095] = 2;
    ram_rewind(vm, 3, content);
    g_assert_cmpmem(host + 3 * GUEST_PAGE_SIZE, GUEST_PAGE_SIZE, content,
                    sizeof(content));
    check_pages(seen.versions, stretches, 2);
    g_assert_false(ram_client_is_dirty(vm->ram, RAM_CLIENT_CHECKPOINT, 3));
    pages = ram_client_collect(vm, RAM_CLIENT_DIGEST);
    check_pages(pages, three, 1);
    g_array_unref(pages);
    ram_vm_free(vm, &seen);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram/blocks", test_ram_blocks);
    g_test_add_func("/ram/collect", test_ram_collect);
    g_test_add_func("/ram/clients", test_ram_clients);
    g_test_add_func("/ram/range", test_ram_range);
    g_test_add_func("/ram/flag", test_ram_flag);
    g_test_add_func("/ram/rewind", test_ram_rewind);
    return g_test_run();
}
