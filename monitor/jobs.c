/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs and the commands about them. */
#include <string.h>

#include "monitor/job.h"
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"

struct Job {
    Vm *vm;             /* borrowed */
    char *id, *type;    /* owned */
    const char *status; /* of JobStatus */
    char *error;        /* owned, NULL: none */
    int64_t done, total;
};

static void job_free(gpointer p)
{
    Job *job = p;

    g_free(job->id);
    g_free(job->type);
    g_free(job->error);
    g_free(job);
}

static GPtrArray *jobs(Vm *vm)
{
    MonState *st = mon_state(vm);

    if (!st->jobs) {
        st->jobs = g_ptr_array_new_with_free_func(job_free);
    }
    return st->jobs;
}

static Job *job_find(Vm *vm, const char *id)
{
    for (guint i = 0; i < jobs(vm)->len; i++) {
        Job *job = g_ptr_array_index(jobs(vm), i);

        if (strcmp(job->id, id) == 0) {
            return job;
        }
    }
    return NULL;
}

static void job_become(Job *job, const char *status)
{
    g_autoptr(GString) data = g_string_new(NULL);
    g_autoptr(JsonNode) node = json_node_alloc();
    JsonObject *o = json_object_new();

    job->status = status;
    json_object_set_string_member(o, "status", status);
    json_object_set_string_member(o, "id", job->id);
    json_node_init_object(node, o);
    json_object_unref(o);
    json_print(node, data, false);
    monitor_event(job->vm, "JOB_STATUS_CHANGE", data->str);
}

Job *job_new(Vm *vm, const char *id, const char *type, GError **error)
{
    Job *job;

    if (job_find(vm, id)) {
        fail(error, "Job ID '%s' already in use", id);
        return NULL;
    }
    job = g_new0(Job, 1);
    job->vm = vm;
    job->id = g_strdup(id);
    job->type = g_strdup(type);
    g_ptr_array_add(jobs(vm), job);
    job_become(job, "created");
    job_become(job, "running");
    return job;
}

void job_progress(Job *job, int64_t done, int64_t total)
{
    job->done = done;
    job->total = total;
}

void job_end(Job *job, const char *why)
{
    if (why) {
        job->error = g_strdup(why);
        job_become(job, "aborting");
    } else {
        job->done = job->total;
        job_become(job, "waiting");
        job_become(job, "pending");
    }
    job_become(job, "concluded");
}

/* --- commands ------------------------------------------------------------------- */

static bool cmd_query_jobs(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonArray *a = cmd_array(out);

    for (guint i = 0; i < jobs(vm)->len; i++) {
        const Job *job = g_ptr_array_index(jobs(vm), i);
        JsonObject *o = json_object_new();

        json_object_set_int_member(o, "current-progress", job->done);
        json_object_set_string_member(o, "status", job->status);
        json_object_set_int_member(o, "total-progress", job->total);
        json_object_set_string_member(o, "type", job->type);
        json_object_set_string_member(o, "id", job->id);
        if (job->error) {
            json_object_set_string_member(o, "error", job->error);
        }
        json_array_add_object_element(a, o);
    }
    return true;
}

static bool job_verb(Vm *vm, const CmdIn *in, const char *verb, GError **error)
{
    Job *job = job_find(vm, cmd_str(in, "id"));

    if (!job) {
        return fail(error, "Job not found");
    }
    if (strcmp(verb, "dismiss") == 0 && strcmp(job->status, "concluded") == 0) {
        job_become(job, "null");
        g_ptr_array_remove(jobs(vm), job);
        return true;
    }
    return fail(error, "Job '%s' in state '%s' cannot accept command verb '%s'",
                job->id, job->status, verb);
}

#define VERB(name)                                                             \
    static bool cmd_job_##name(Vm *vm, const CmdIn *in, CmdOut *out,           \
                               GError **error)                                 \
    {                                                                          \
        return job_verb(vm, in, #name, error);                                 \
    }
VERB(pause)
VERB(resume)
VERB(cancel)
VERB(complete)
VERB(finalize)
VERB(dismiss)
#undef VERB

/* clang-format off */
static const CmdArg args_id[] = {{"id", ARG_STR, .doc = "of a job"}, {NULL}};

const CmdRow cmd_rows_jobs[] = {
    {"query-jobs",   NULL, NULL, cmd_query_jobs, NULL, "long tasks", 0, "[JobInfo]"},
    {"job-pause",    NULL, args_id, cmd_job_pause, NULL, "have a job wait", 0},
    {"job-resume",   NULL, args_id, cmd_job_resume, NULL, "have it go on", 0},
    {"job-cancel",   NULL, args_id, cmd_job_cancel, NULL, "end it early", 0},
    {"job-complete", NULL, args_id, cmd_job_complete, NULL, "end it where it is", 0},
    {"job-finalize", NULL, args_id, cmd_job_finalize, NULL, "let it take effect", 0},
    {"job-dismiss",  NULL, args_id, cmd_job_dismiss, NULL, "forget a job that is over", 0},
    {NULL},
};
/* clang-format on */
