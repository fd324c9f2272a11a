/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of QMP that commands and events share. */
#include "monitor/tables.h"

#define KEY(name, set1, set2, set3) " " #name
static const char qkeycodes[] = "unmapped"
#include "hw/keys.def"
                                " asterisk menu katakanahiragana";
#undef KEY

/* clang-format off */
#define ENUM(nm, values) {.name = (nm), .meta = QMP_ENUM, .text = (values)}
#define OBJECT(nm, members) {.name = (nm), .meta = QMP_OBJECT, .text = (members)}
#define UNION(nm, members, by, variants) {.name = (nm), .meta = QMP_UNION, .text = (members), .tag = (by), .cases = (variants)}
#define ALTERNATE(nm, types) {.name = (nm), .meta = QMP_ALTERNATE, .text = (types)}

const QmpType qmp_types[] = {
    /* about the program */
    ENUM("QMPCapability", "oob"),
    OBJECT("VersionTriple", "major:int minor:int micro:int"),
    OBJECT("VersionInfo", "qemu:VersionTriple package:str"),
    OBJECT("CommandInfo", "name:str"),
    OBJECT("NameInfo", "name?:str"),
    OBJECT("UuidInfo", "UUID:str"),
    OBJECT("KvmInfo", "enabled:bool present:bool"),
    /* schema */
    ENUM("SchemaMetaType", "builtin enum array object alternate command event"),
    ENUM("JSONType", "string number int boolean null object array value"),
    OBJECT("SchemaInfoBuiltin", "json-type:JSONType"),
    OBJECT("SchemaInfoEnumMember", "name:str"),
    OBJECT("SchemaInfoEnum", "members:[SchemaInfoEnumMember] values:[str]"),
    OBJECT("SchemaInfoArray", "element-type:str"),
    OBJECT("SchemaInfoObjectMember", "name:str type:str default?:any"),
    OBJECT("SchemaInfoObjectVariant", "case:str type:str"),
    OBJECT("SchemaInfoObject", "members:[SchemaInfoObjectMember] tag?:str variants?:[SchemaInfoObjectVariant]"),
    OBJECT("SchemaInfoAlternateMember", "type:str"),
    OBJECT("SchemaInfoAlternate", "members:[SchemaInfoAlternateMember]"),
    OBJECT("SchemaInfoCommand", "arg-type:str ret-type:str allow-oob?:bool"),
    OBJECT("SchemaInfoEvent", "arg-type:str"),
    UNION("SchemaInfo", "name:str meta-type:SchemaMetaType", "meta-type",
          "builtin:SchemaInfoBuiltin enum:SchemaInfoEnum array:SchemaInfoArray object:SchemaInfoObject"
          " alternate:SchemaInfoAlternate command:SchemaInfoCommand event:SchemaInfoEvent"),
    /* running and ending */
    /* the command line */
    ENUM("CommandLineParameterType", "string boolean number size"),
    OBJECT("CommandLineParameterInfo", "name:str type:CommandLineParameterType help?:str default?:str"),
    OBJECT("CommandLineOptionInfo", "option:str parameters:[CommandLineParameterInfo]"),
    ENUM("RunState", "debug inmigrate internal-error io-error paused postmigrate prelaunch finish-migrate"
         " restore-vm running save-vm shutdown suspended watchdog guest-panicked colo"),
    OBJECT("StatusInfo", "running:bool singlestep:bool status:RunState"),
    ENUM("ShutdownCause", "none host-error host-qmp-quit host-qmp-system-reset host-signal host-ui"
         " guest-shutdown guest-reset guest-panic subsystem-reset snapshot-load"),
    ENUM("WatchdogAction", "reset shutdown poweroff pause debug none inject-nmi"),
    ENUM("GuestPanicAction", "pause poweroff run"),
    ENUM("ReplayMode", "none record play"),
    OBJECT("ReplayWrite", "icount:int sequence:int cpu-index:int pc:int writer:str old:str new:str"),
    OBJECT("ReplayPlace", "icount:int sequence:int cpu-index:int pc:int vector?:int"),
    OBJECT("ReplayDigest", "icount:int sequence:int digest:str"),
    OBJECT("ReplayInfo", "mode:ReplayMode filename?:str icount:int sequence?:int searching?:bool"),
    OBJECT("CheckpointPlace", "icount:int sequence:int pinned:bool"),
    OBJECT("CheckpointInfo", "enabled:bool count:int pinned:int bytes:int budget:int pages:int packed-pages:int spilled-pages:int "
        "spilled-bytes:int spacing-ns:int taken:int restored:int dropped:int pause-max-ns:int pause-p99-ns:int pause-sum-ns:int back-max-ns:int back-sum-ns:int "
        "checkpoints:[CheckpointPlace]"),
    /* characters */
    OBJECT("ChardevInfo", "label:str filename:str frontend-open:bool"),
    /* the machine */
    OBJECT("MemoryInfo", "base-memory:int plugged-memory?:int"),
    ENUM("SysEmuTarget", "i386 x86_64 riscv32 riscv64 arm aarch64"),
    OBJECT("CpuInstanceProperties", "node-id?:int socket-id?:int die-id?:int cluster-id?:int core-id?:int thread-id?:int"),
    OBJECT("CpuInfoFast", "cpu-index:int qom-path:str thread-id:int props?:CpuInstanceProperties target:SysEmuTarget"),
    /* keys */
    ENUM("QKeyCode", qkeycodes),
    ENUM("KeyValueKind", "number qcode"),
    OBJECT("IntWrapper", "data:int"),
    OBJECT("QKeyCodeWrapper", "data:QKeyCode"),
    UNION("KeyValue", "type:KeyValueKind", "type", "number:IntWrapper qcode:QKeyCodeWrapper"),
    /* blocks and jobs */
    ENUM("IoOperationType", "read write"),
    ENUM("BlockErrorAction", "ignore report stop"),
    ENUM("JobType", "commit stream mirror backup create amend snapshot-load snapshot-save snapshot-delete"),
    ENUM("JobStatus", "undefined created running paused ready standby waiting pending aborting concluded null"),
    OBJECT("JobInfo", "id:str type:JobType status:JobStatus current-progress:int total-progress:int error?:str"),
    /* dumps */
    ENUM("DumpStatus", "none active completed failed"),
    OBJECT("DumpQueryResult", "status:DumpStatus completed:int total:int"),
    /* migration */
    ENUM("MigrationStatus", "none setup cancelling cancelled active postcopy-active postcopy-paused postcopy-recover"
         " completed failed colo pre-switchover device wait-unplug"),
    {NULL},
};
/* clang-format on */
