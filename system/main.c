/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reprise: parse, build, run, leave with a status. */
#include <stdlib.h>
#include <unistd.h>

#include "system/options.h"
#include "system/setup.h"

static int main_run(const Options *o, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Setup *s = setup_new(o, argc, argv, &error);
    int status;

    if (!s) {
        g_printerr("%s: %s\n", o->program, error->message);
        return EXIT_FAILURE;
    }
    status = run_main(setup_run(s));
    setup_free(s);
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options o;
    int status;

    options_init(&o, argv[0]);
    if (!options_parse(&o, argc, argv, &error)) {
        g_printerr("%s: %s\n", o.program, error->message);
        status = EXIT_FAILURE;
    } else {
        status = o.help_given ? EXIT_SUCCESS : main_run(&o, argc, argv);
    }
    options_clear(&o);
    return status;
}
