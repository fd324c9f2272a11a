/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reprise: parse, build, run, leave with a status. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "system/message.h"
#include "system/options.h"
#include "system/process.h"
#include "system/setup.h"

/* GLib's hook for messages has no other way to know what -msg said. */
static const Options *main_options;

static void main_message(const char *text)
{
    g_autofree char *prefix = message_prefix(main_options);

    fprintf(stderr, "%s%s", prefix, text);
    fflush(stderr);
}

static int main_run(const Options *o, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Process process;
    Setup *s = NULL;
    int status = EXIT_FAILURE;

    if (process_begin(&process, o, &error) && process.is_parent) {
        return process.status;
    }
    if (error || !(s = setup_new(o, argc, argv, &error))
        || !process_settle(&process, o, &error)) {
        g_printerr("%s: %s\n", o->program, error->message);
    } else {
        process_ready(&process);
        status = run_main(setup_run(s));
    }
    setup_free(s);
    process_end(&process);
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options o;
    int status;

    options_init(&o, argv[0]);
    main_options = &o;
    g_set_printerr_handler(main_message);
    if (!options_parse(&o, argc, argv, &error)) {
        g_printerr("%s: %s\n", o.program, error->message);
        status = EXIT_FAILURE;
    } else {
        status = o.help_given ? EXIT_SUCCESS : main_run(&o, argc, argv);
    }
    options_clear(&o);
    return status;
}
