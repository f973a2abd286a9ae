/* libkareus: a plan's clocks, followed by one GPU of a training job.
 *
 * Rules of this interface:
 * - kareus_abi_version() first: go on only if it equals KAREUS_ABI_VERSION. It rises only where
 *   something that was there changes. What is added leaves it alone, so callers and libraries of
 *   different headers work together:
 *   - Structs start with struct_size, set by the caller to sizeof of what it was compiled with; the
 *     size of an array's elements is given beside the array. Later headers append fields, in which 0
 *     means "as before there was this field", or "not known".
 *   - What a shorter struct lacks counts as 0. Of a longer one, what this library does not know must
 *     be 0 where the caller fills it in (else KAREUS_WRONG_VERSION), and becomes 0 where the library
 *     does.
 *   - A function of a later header is missing in an older library: a caller that can do without it
 *     looks it up. Functions of earlier headers stay.
 * - Functions return a code: 0 is KAREUS_OK, any other is the number of a KRS code (5020 is KRS5020).
 *   kareus_last_error() says more about the last code that this thread got.
 * - One handle, one GPU, one thread at a time: calls may come from several threads if the caller
 *   orders them. Clocks are changed by a thread of the handle's own.
 * - Nothing here throws, exits, prints, or blocks on the GPU, except where it says so.
 * - A handle belongs to the process that opened it: after fork() the child's calls fail with
 *   KAREUS_WRONG_STATE and touch no clock.
 * - Only SM clocks are ever locked: never memory clocks, power limits or application clocks.
 *
 * A job, in outline:
 *   open -> capabilities, clocks -> set_plan
 *   each step: step_begin, (instruction_begin, partition..., instruction_end)..., step_end
 *   records, statistics -> close
 */
#ifndef KAREUS_H
#define KAREUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KAREUS_API __attribute__((visibility("default")))
#else
#define KAREUS_API
#endif

#define KAREUS_ABI_VERSION 1

/* Every code: name, number, what it means. */
#define KAREUS_CODES(X)                                                                          \
  X(OK, 0, "done")                                                                               \
  X(BAD_ARGUMENT, 5001, "an argument is missing or out of its range")                            \
  X(WRONG_VERSION, 5002, "the caller was built for another version of the library")              \
  X(WRONG_STATE, 5003, "the call does not fit here: no plan, no step, or another process")       \
  X(NO_RESOURCES, 5004, "the system gives no more memory, threads or files")                     \
  X(TIMED_OUT, 5005, "not done within the given time")                                           \
  X(NO_NVML, 5010, "the driver's management library (NVML) cannot be opened")                    \
  X(NO_DEVICE, 5011, "there is no such GPU")                                                     \
  X(MIG, 5012, "the GPU is split by MIG: its instances share one clock")                         \
  X(NO_PERMISSION, 5013, "this user may not lock the GPU's clocks")                              \
  X(IN_USE, 5014, "another controller holds this GPU's clocks")                                  \
  X(NO_GUARD, 5015, "the guard process cannot be started or has gone")                           \
  X(NO_STATE_DIR, 5016, "the folder for the journal of locked clocks cannot be used")            \
  X(NO_ZEUSD, 5017, "zeusd does not answer, or does not offer control of the clocks")            \
  X(OLD_DRIVER, 5018, "the driver cannot lock SM clocks")                                        \
  X(NO_CUDA, 5019, "the CUDA driver cannot be opened, or one of its calls failed")               \
  X(OTHER_CLOCKS, 5020, "the plan asks for a clock that the GPU does not have")                  \
  X(SHORT_DWELL, 5021, "the plan holds a clock for less time than a switch takes")               \
  X(BAD_PLAN, 5022, "the plan contradicts itself")                                               \
  X(NO_PARTITION, 5023, "the instruction runs no such partition")                                \
  X(WRONG_ORDER, 5030, "not the instruction that the plan has next")                             \
  X(STEP_CUT_SHORT, 5031, "the step ended before its last instruction")                          \
  X(CAPTURED, 5032, "the boundary lies inside the capture of a CUDA graph")                      \
  X(PERMISSION_LOST, 5040, "permission to lock the clocks was lost on the way")                  \
  X(GPU_LOST, 5041, "the GPU is lost to the driver")                                             \
  X(CHANGE_FAILED, 5042, "the clock could not be changed, after several tries")                  \
  X(NO_ENERGY, 5043, "the GPU has no energy counter")                                            \
  X(RESET_FAILED, 5044, "the clocks could not be reset: `kareus doctor --reset` tries again")     \
  X(BAD_JOURNAL, 5045, "the journal of locked clocks is damaged: `kareus doctor --reset --all`")

typedef enum kareus_code {
#define KAREUS_CODE_ENUM(name, number, meaning) KAREUS_##name = number,
  KAREUS_CODES(KAREUS_CODE_ENUM)
#undef KAREUS_CODE_ENUM
} kareus_code;

typedef enum kareus_backend {
  KAREUS_BACKEND_NVML = 0,  /* the driver itself: needs root, or a driver that lets users lock clocks */
  KAREUS_BACKEND_ZEUSD = 1, /* clocks through the zeusd daemon, everything read through NVML */
  KAREUS_BACKEND_DRY = 2    /* no GPU: changes are counted and remembered, nothing is touched */
} kareus_backend;

typedef enum kareus_mode {
  KAREUS_MODE_CONTROL = 0,
  KAREUS_MODE_OBSERVE = 1 /* never changes a clock: the functions that could are not even looked up */
} kareus_mode;

/* In the words of plan.json. */
typedef enum kareus_kind {
  KAREUS_FORWARD = 0,
  KAREUS_BACKWARD = 1,
  KAREUS_INPUT_GRADIENT = 2,
  KAREUS_WEIGHT_GRADIENT = 3,
  KAREUS_TAIL = 4
} kareus_kind;

/* A CUstream. Null means "no stream" here; the default stream, whose own handle is null (torch's
 * cuda_stream == 0), is passed as KAREUS_DEFAULT_STREAM. */
typedef void* kareus_stream;
#define KAREUS_DEFAULT_STREAM ((kareus_stream)1)

typedef struct kareus_handle kareus_handle;

typedef struct kareus_options {
  uint32_t struct_size;
  int32_t backend;            /* kareus_backend */
  int32_t mode;               /* kareus_mode */
  const char* device;         /* UUID ("GPU-..."), PCI bus id ("0000:81:00.0") or index ("0"); null: "0" */
  const char* state_dir;      /* journal; null: $KAREUS_STATE_DIR, else /run/kareus (root), /tmp/kareus-<uid> */
  const char* guard_path;     /* null: $KAREUS_GUARD, else kareus-guard beside this library */
  const char* zeusd_socket;   /* null: $ZEUSD_SOCK_PATH, else zeusd's own default */
  const uint32_t* dry_clocks_mhz; /* dry only: the clocks that the GPU would have; null: any plan fits */
  uint32_t dry_clock_count;
  uint32_t record_capacity;   /* instructions kept for kareus_take_records; 0: none are recorded */
  int32_t synchronous;        /* not 0: a boundary returns when its change is made (tests, not training) */
} kareus_options;

typedef struct kareus_capabilities {
  uint32_t struct_size;
  int32_t backend;        /* kareus_backend */
  int32_t mode;           /* kareus_mode, as it is now: a fault turns control into observe */
  int32_t may_control;    /* 1: this user may lock SM clocks; read, never tried */
  int32_t mig;            /* 1: MIG is on */
  int32_t energy_counter; /* 1: kareus_energy answers */
  int32_t cuda;           /* 1: the CUDA driver is there: streams and gates work */
  uint32_t clock_count;   /* of kareus_clocks */
  char name[96];          /* empty where unknown, as all of these */
  char uuid[96];
  char pci_bus_id[32];
  char driver[80];
  double power_limit_w;      /* 0: not known */
  int32_t power_smoothing;   /* 0: not known, 1: off, 2: on */
  char workload_profile[68]; /* workload power profiles in force: "max-q", "none"; empty: not known */
} kareus_capabilities;

/* One stage's part of a plan as flat arrays; copied, so they may go after the call. */
typedef struct kareus_plan {
  uint32_t struct_size;
  uint32_t instruction_count;
  const int32_t* kind;       /* [instruction_count] kareus_kind */
  const int32_t* microbatch; /* [instruction_count]; -1: none (tail) */
  const int32_t* chunk;      /* [instruction_count]; null: all 0 */
  const uint32_t* freq_mhz;  /* [instruction_count] */
  const double* start_s;     /* [instruction_count]; null where switches are free */
  const double* time_s;      /* [instruction_count]; null where switches are free */
  double switch_time_s;      /* of the device: a clock must be held for at least this long */
  uint32_t configuration_count;
  const char* const* partition_key; /* [configuration_count] "forward.0123456789ab" */
  const int32_t* launch_slot; /* [configuration_count] index of the partition's slot; -1: after all */
  const uint32_t* sms;        /* [configuration_count] given to communication */
  /* What instruction i runs: rows use_begin[i] to use_begin[i + 1] (excluded), one row per layer.
   * Null where configuration_count is 0. */
  const uint32_t* use_begin;         /* [instruction_count + 1] */
  const uint32_t* use_configuration; /* [rows] index of a configuration */
  const int32_t* use_layer;          /* [rows] global layer; -1: outside the layers */
  const int32_t* use_nanobatch;      /* [rows] 0 or 1; -1: the whole microbatch */
  /* Of a change to an instruction's clock, where it depends on that; null: switch_time_s for all. */
  const double* switch_to_s;         /* [instruction_count] */
} kareus_plan;

typedef struct kareus_partition_use {
  uint32_t struct_size;
  uint32_t configuration; /* index into the plan's configurations */
  int32_t launch_slot;    /* before which slot communication starts; -1: after the last */
  uint32_t sms;
} kareus_partition_use;

typedef enum kareus_limit {
  KAREUS_LIMIT_UNKNOWN = 0,
  KAREUS_LIMIT_NONE = 1,
  KAREUS_LIMIT_POWER = 2,
  KAREUS_LIMIT_THERMAL = 3
} kareus_limit;

/* One instruction as it ran. Where both ends were on a stream, time_s is by the GPU's own clock, and
 * its end is when the controller saw the GPU there; else all are of the CPU's calls. Energy is its
 * share of what the GPU's energy counter moved by, which takes up to 0.1 s to be known. */
typedef struct kareus_record {
  uint64_t step;        /* 0 is the first */
  uint32_t index;       /* in the plan; UINT32_MAX without one */
  int32_t kind;         /* kareus_kind */
  int32_t microbatch;
  int32_t chunk;
  uint32_t freq_mhz;    /* locked when it ended; 0: not locked */
  int32_t on_gpu;       /* 1: timed by events on a stream */
  double start_s;       /* since the handle was opened */
  double time_s;
  double energy_j;      /* of the GPU, static energy included; negative: not known */
  double energy_error_j; /* standard error of energy_j; 0: not known */
  double clock_mhz;      /* mean SM clock while it ran; 0: not known */
  double temperature_c;  /* 0: not known */
  int32_t limited_by;    /* kareus_limit: what held the clock back */
} kareus_record;

typedef struct kareus_statistics {
  uint32_t struct_size;
  int32_t mode;               /* kareus_mode now */
  int32_t fault;              /* code that turned control into observe; 0: none */
  uint32_t freq_mhz;          /* locked now; 0: not locked */
  uint64_t steps;
  uint64_t instructions;
  uint64_t changes_requested; /* boundaries at which the planned clock differs from the one before */
  uint64_t changes_applied;
  uint64_t changes_coalesced; /* passed over: a later one had been reached already */
  uint64_t retries;
  uint64_t resets;
  uint64_t guard_restarts;
  uint64_t records_dropped;   /* the caller fetched too rarely */
  double change_time_s;       /* spent in calls that change the clock, all together */
  double change_time_max_s;
} kareus_statistics;

/* KAREUS_ABI_VERSION of the library that was loaded. */
KAREUS_API uint32_t kareus_abi_version(void);

/* "KRS5020"; "" for 0, null for an unknown number. */
KAREUS_API const char* kareus_code_name(int code);

/* What the code means, in one line; null for an unknown number. */
KAREUS_API const char* kareus_code_message(int code);

/* The particulars of the last code other than 0 that a call of this thread returned; never null,
 * valid until this thread's next call. */
KAREUS_API const char* kareus_last_error(void);

/* Opens a GPU. In control mode it takes the GPU's lock file, resets what a dead controller left
 * locked, and starts the guard; no clock changes. May take seconds (NVML starts twice).
 * BAD_ARGUMENT, NO_NVML, NO_DEVICE, NO_STATE_DIR, NO_RESOURCES; in control mode also MIG,
 * NO_PERMISSION, IN_USE, NO_GUARD, NO_ZEUSD, OLD_DRIVER, RESET_FAILED. A journal that is damaged or
 * missing counts as a lock that was left: it is reset. */
KAREUS_API int kareus_open(const kareus_options* options, kareus_handle** handle);

/* What the GPU and this user can do. */
KAREUS_API int kareus_get_capabilities(kareus_handle* handle, kareus_capabilities* capabilities);

/* Up to `capacity` SM clocks, ascending; *count is how many there are. */
KAREUS_API int kareus_get_clocks(kareus_handle* handle, uint32_t* freq_mhz, uint32_t capacity,
                                 uint32_t* count);

/* Takes a plan over (outside a step), in place of the one before, if any. Control is possible only with one.
 * OTHER_CLOCKS, SHORT_DWELL, BAD_PLAN, WRONG_STATE (inside a step); then the plan before stays.
 * Null: none from here on, and the clocks are unlocked. RESET_FAILED, TIMED_OUT. */
KAREUS_API int kareus_set_plan(kareus_handle* handle, const kareus_plan* plan);

/* WRONG_STATE inside a step. Works without a plan: then steps are only recorded. */
KAREUS_API int kareus_step_begin(kareus_handle* handle);

/* STEP_CUT_SHORT if planned instructions are missing (clocks stay controlled). Otherwise a fault
 * that turned control into observe since the last call, once: the one warning to show. */
KAREUS_API int kareus_step_end(kareus_handle* handle);

/* The boundary: asks for the instruction's clock. With a stream the change is made when the GPU
 * reaches this point of the stream, without one at once; never waits for it. `chunk` is 0 but in
 * interleaved pipelines. WRONG_ORDER, once a step: the clocks are reset until the next step, which is
 * compared and controlled again; after three such steps in a row only once one was as planned.
 * CAPTURED, once: a boundary inside the capture of a CUDA graph changes and records nothing.
 * WRONG_STATE outside a step or inside an instruction. NO_CUDA, once: later changes are made at once. */
KAREUS_API int kareus_instruction_begin(kareus_handle* handle, int32_t kind, int32_t microbatch,
                                        int32_t chunk, kareus_stream stream);

/* Ends the instruction: only recording needs it, the clock stays. */
KAREUS_API int kareus_instruction_end(kareus_handle* handle, kareus_stream stream);

/* How the current instruction runs a partition. `layer` -1: outside the layers; `nanobatch` -1: any.
 * NO_PARTITION if the plan says nothing of it; WRONG_STATE outside an instruction. */
KAREUS_API int kareus_get_partition(kareus_handle* handle, const char* key, int32_t layer,
                                    int32_t nanobatch, kareus_partition_use* use);

/* What is issued to `communication` from now on starts once the GPU has done what was issued to
 * `compute` so far. Both streams must be given. NO_CUDA. */
KAREUS_API int kareus_gate(kareus_handle* handle, kareus_stream compute,
                           kareus_stream communication);

/* The GPU's energy counter; only differences mean something. NO_ENERGY, GPU_LOST. */
KAREUS_API int kareus_get_energy(kareus_handle* handle, double* energy_j);

/* Moves up to `capacity` records of ended instructions out, oldest first; *count is how many.
 * `record_size` is sizeof(kareus_record) of the caller's header. */
KAREUS_API int kareus_take_sized_records(kareus_handle* handle, void* records, uint32_t record_size,
                                         uint32_t capacity, uint32_t* count);

/* The same with this header's size. (The library's own function of this name is the first header's,
 * whose records had no size.) */
static inline int kareus_take_records(kareus_handle* handle, kareus_record* records,
                                      uint32_t capacity, uint32_t* count) {
  return kareus_take_sized_records(handle, records, (uint32_t)sizeof(kareus_record), capacity, count);
}

KAREUS_API int kareus_get_statistics(kareus_handle* handle, kareus_statistics* statistics);

/* The changes made so far, oldest first: up to `capacity` clocks, 0 for a reset; *count is how many
 * there were in all (the last 65536 are kept). */
KAREUS_API int kareus_get_changes(kareus_handle* handle, uint32_t* freq_mhz, uint32_t capacity,
                                  uint64_t* count);

/* Waits until all that was asked for so far is made or given up, and recorded with its energy.
 * TIMED_OUT. */
KAREUS_API int kareus_flush(kareus_handle* handle, double timeout_s);

/* Drops what waits, and unlocks the clocks; the next boundary locks again. Returns when done.
 * RESET_FAILED. */
KAREUS_API int kareus_reset(kareus_handle* handle);

/* Resets if locked, ends the guard, frees the handle. Null is fine. RESET_FAILED. TIMED_OUT if the
 * driver does not answer: only then the handle stays, to be closed again; the guard stays with it. */
KAREUS_API int kareus_close(kareus_handle* handle);

#ifdef __cplusplus
}
#endif

#endif
