/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP's types as rows. A type is written str, int, number, bool, any, null, the
 * name of a row, or [TYPE] for an array. Members are "name:TYPE", optional ones
 * "name?:TYPE", separated by spaces.
 */
#ifndef MONITOR_TYPES_H
#define MONITOR_TYPES_H

#include <json-glib/json-glib.h>

#include "core/types.h"

typedef enum QmpMeta {
    QMP_ENUM,      /* .text: values, separated by spaces */
    QMP_OBJECT,    /* .text: members */
    QMP_UNION,     /* and .tag: a member of an enum; .cases: "value:TYPE" whose
                      members are added; values without a case add none */
    QMP_ALTERNATE, /* .text: types of different JSON kinds */
} QmpMeta;

typedef struct QmpType {
    const char *name;
    QmpMeta meta;
    const char *text;
    const char *tag;
    const char *cases;
} QmpType;

/** type_find() - NULL: a builtin, an array, or unknown */
const QmpType *type_find(const char *name);
/** type_check() - does @value have type @type? @name: of what, for the error */
bool type_check(const char *type, const char *name, JsonNode *value,
                GError **error);
/** type_has() - is @value one of the enum's? */
bool type_has(const char *type, const char *value);
/** type_values() - of an enum; owned by the caller */
char **type_values(const char *type);

/* One member of a list; false at its end. */
typedef struct QmpMember {
    char name[64], type[64];
    bool optional;
} QmpMember;
bool member_next(const char **at, QmpMember *out);

/** schema_array() - what query-qmp-schema returns */
JsonArray *schema_array(void);

#endif
