/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines: an argument a line of the input. Nothing is opened by them. */
#include "system/options.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/keyval.h"
#include "cpu/x86.h"
#include "hw/machine.h"
#include "tests/fuzz/fuzz.h"

#define ARGS_MAX 64

/* Help texts are not what is looked for. */
static void silence(void)
{
    static bool done;

    if (!done) {
        int fd = open("/dev/null", O_WRONLY);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(dup2(fd, STDOUT_FILENO), >=, 0);
        close(fd);
        done = true;
    }
}

/* False exactly with an error that says something. */
static void check(bool good, GError *const *error)
{
    g_assert_true(good == (*error == NULL));
    g_assert_true(good || (*error)->message[0]);
}

static void one_list(const char *text)
{
    static const char *const known[] = {"shift", "size", NULL};
    g_auto(KeyVals) kv = {0};
    g_autoptr(GError) error = NULL;
    uint64_t n = 7;
    bool flag = false;
    ReplayOptions replay = {0};

    keyvals_parse(&kv, text, strlen(text) % 2 ? "shift" : NULL);
    keyvals_take_bool(&kv, "sleep", &flag, NULL);
    if (!keyvals_take_u64(&kv, "shift", 10, &n, NULL)) {
        g_assert_cmpuint(n, ==, 7);
    }
    check(keyvals_done(&kv, known, &error), &error);
    g_clear_error(&error);
    if (parse_u64(text, 1000, &n)) {
        g_assert_cmpuint(n, <=, 1000);
    }
    parse_size(text, 1u << 20, &n);
    check(replay_options_parse(&replay, text, &error), &error);
    replay_options_clear(&replay);
}

/* -cpu is understood where the vCPU is made. */
static void one_cpu(const Options *o)
{
    const AccelOptions accel = {.interp = true};
    g_autoptr(GError) error = NULL;
    Vm *vm = vm_new();
    bool good;

    g_assert_true(accel_init(vm, &accel, NULL));
    good = x86_cpu_new(vm, NULL, 0, 1, o->cpu, o->long_mode, &error);
    check(good, &error);
    accel_fini(vm);
    vm_free(vm);
}

static void command_line(char **lines)
{
    char name[] = "reprise-system-x86_64";
    char *argv[ARGS_MAX + 1] = {name};
    int argc = 1;
    g_autoptr(GError) error = NULL;
    Options o;

    while (*lines && argc < ARGS_MAX) {
        argv[argc++] = *lines++;
    }
    options_init(&o, argv[0]);
    check(options_parse(&o, argc, argv, &error), &error);
    if (!error && !o.help_given) {
        g_assert_cmpuint(o.cpus, >, 0);
        g_assert_cmpuint(o.ram_bytes, >, 0);
        if (o.cpu) {
            one_cpu(&o);
        }
    }
    options_clear(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    silence();
    for (unsigned i = 0; lines[i] && i < ARGS_MAX; i++) {
        one_list(lines[i]);
    }
    command_line(lines);
    return 0;
}
