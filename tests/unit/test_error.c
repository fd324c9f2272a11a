/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error messages and "did you mean". */
#include "core/error.h"

#include <errno.h>

#include "core/log.h"

static void test_error_messages(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(fail(&error, "disk '%s': not qcow2", "a"));
    g_assert_cmpstr(error->message, ==, "disk 'a': not qcow2");
    g_assert_false(fail_prefix(&error, "-drive %d", 1));
    g_assert_cmpstr(error->message, ==, "-drive 1: disk 'a': not qcow2");
    g_clear_error(&error);

    g_assert_false(fail_errno(&error, ENOENT, "%s: cannot open", "x"));
    g_assert_true(g_str_has_prefix(error->message, "x: cannot open: "));
    g_assert_true(g_str_has_suffix(error->message, g_strerror(ENOENT)));

    g_assert_false(fail(NULL, "nobody listens"));
    g_assert_false(fail_prefix(NULL, "nobody listens"));
}

static void test_error_nearest(void)
{
    static const char *const names[] = {"virtio-net-pci", "rtl8139", "e1000",
                                        "VGA", NULL};
    static const char *const none[] = {NULL};

    g_assert_cmpstr(nearest_match("rtl8193", names), ==, "rtl8139");
    g_assert_cmpstr(nearest_match("e100", names), ==, "e1000");
    g_assert_cmpstr(nearest_match("vga", names), ==, "VGA");
    g_assert_cmpstr(nearest_match("virtio-netpci", names), ==,
                    "virtio-net-pci");
    g_assert_null(nearest_match("floppy", names));
    g_assert_null(nearest_match("", names));
    g_assert_null(nearest_match("e1000", none));
}

static void test_error_log_names(void)
{
    g_autoptr(GError) error = NULL;
    unsigned mask = 77;

    g_assert_true(log_parse("in_asm,int", &mask, &error));
    g_assert_cmphex(mask, ==, LOG_IN_ASM | LOG_INT);
    g_assert_false(log_parse("in_asm,guest_erors", &mask, &error));
    g_assert_cmphex(mask, ==, LOG_IN_ASM | LOG_INT);
    g_assert_nonnull(strstr(error->message, "'guest_errors'"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/messages", test_error_messages);
    g_test_add_func("/error/nearest", test_error_nearest);
    g_test_add_func("/error/log-names", test_error_log_names);
    return g_test_run();
}
