/* The C boundary between a plugin and the process that loads it (docs/plugin_abi.md).
 *
 * Only what stands here crosses the boundary: plain C structs, pointers and functions. No exception, allocator or C++
 * type does. The layout is fixed per JOBHOST_ABI; a plugin states the version it was built for in its schema section.
 */
#ifndef JOBHOST_SDK_ABI_H
#define JOBHOST_SDK_ABI_H

#include <stdint.h>

#define JOBHOST_ABI 1

/* Name of the ELF section that holds the plugin's schema: one JSON document, read without executing anything. */
#define JOBHOST_SCHEMA_SECTION "jobhost_schema"

#ifdef __cplusplus
extern "C" {
#endif

/* The encoded values of one parameter for the tasks of a batch.
 *
 * offsets != NULL: value i is data[offsets[i] .. offsets[i+1]) (variable size; `offsets` has one entry more than
 * values). offsets == NULL: value i is data[i*stride .. i*stride+size); stride 0 repeats one value for every task. The
 * memory stays valid and unchanged until the entry returns; values need not be aligned. */
typedef struct jobhost_column {
  const unsigned char* data;
  const uint64_t* offsets;
  uint64_t stride; /* bytes */
  uint64_t size;   /* bytes of one value where offsets == NULL */
} jobhost_column;

/* What a task threw: the innermost cause last. Valid only during the `failed` call. */
typedef struct jobhost_exception {
  const char* type;                      /* mangled type name (std::type_info::name), or NULL when not known */
  const char* what;                      /* message; "" when the thrown object carries none */
  const struct jobhost_exception* cause; /* nested exception, or NULL */
  const unsigned char* object; /* the thrown object's encoded members, for a host that knows its type; or NULL */
  uint64_t size;               /* bytes of `object` */
} jobhost_exception;

/* Where results go. Fixed-size results fill data[i*size]; variable ones are appended and end at ends[i]. */
typedef struct jobhost_sink {
  unsigned char* data; /* result bytes; owned by the host, replaced by `grow` */
  uint64_t used;       /* bytes written so far; the entry updates it (variable size only) */
  uint64_t capacity;   /* bytes available at data; fixed-size results: at least n*size */
  uint64_t* ends;      /* variable size: ends[i] = end of result i in data; NULL for fixed size */
  void* host;          /* the host's own pointer */
  /* Makes capacity >= wanted, keeping data[0..used). Returns 0, or non-zero when there is no memory. */
  int (*grow)(struct jobhost_sink* sink, uint64_t wanted);
  /* Task i of the batch threw; its result slot is left zeroed (fixed) or empty (variable). */
  void (*failed)(struct jobhost_sink* sink, uint64_t i, const jobhost_exception* thrown);
} jobhost_sink;

/* What the supervisor may read at any moment, also after a crash. */
typedef struct jobhost_progress {
  uint64_t current;       /* index, within the batch, of the task now running */
  volatile uint32_t stop; /* non-zero: return before the next task */
} jobhost_progress;

/* A kernel: runs tasks [0, n) of the batch described by `params` (one column per parameter, in order) and returns how
 * many it completed, failed ones included. It returns less than n only when `progress->stop` was set. It stores each
 * task's index in `progress->current` before the call. It never lets an exception out. Thread rule: may be called from
 * several threads at once with different sinks and progress objects, as far as the kernel itself allows it. */
typedef uint64_t (*jobhost_entry)(const jobhost_column* params, uint64_t n, jobhost_sink* sink,
                                  jobhost_progress* progress);

/* Gives a global variable of the plugin the encoded value of `size` bytes. Returns 0, or non-zero when the bytes are
 * not a value of its type. Called before the first task, from one thread. */
typedef int (*jobhost_set_global)(const unsigned char* data, uint64_t size);

/* Encodes the present value of a global variable of the plugin. Returns 0 with *size bytes written to `data`; 1 with
 * the bytes needed in *size when they are more than `capacity`; 2 when the value cannot be encoded. Nothing is written
 * then. Called while nobody changes the variable. */
typedef int (*jobhost_get_global)(unsigned char* data, uint64_t capacity, uint64_t* size);

#ifdef __cplusplus
}
#endif

#endif
