/* A plugin of archal as a shared library, for languages with C's calls.
 *
 * A library exports one function, archal_plugin_v1. archal loads it in a process of its own
 * (`archal plugin-host`), calls one function after the other from one thread, and never unloads it.
 * A crash is the end of that process and a finding of the source.
 *
 * Everything crosses as JSON in UTF-8. What a function is given is the caller's and lasts for the
 * call; what it pushes is copied. Replies are the lines of docs/plugins.md without `id`.
 */
#ifndef ARCHAL_PLUGIN_H
#define ARCHAL_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARCHAL_PLUGIN_ABI_MAJOR 1
#define ARCHAL_PLUGIN_ABI_MINOR 0

/* What functions return. */
#define ARCHAL_PLUGIN_DONE 0    /* all is answered */
#define ARCHAL_PLUGIN_MORE 1    /* all is answered, and there is more already (poll) */
#define ARCHAL_PLUGIN_FAILED -1 /* there is no answer; why was pushed as an `error` */

typedef struct archal_slice {
  const uint8_t *start; /* may be null where length is 0 */
  size_t length;
} archal_slice;

typedef struct archal_sink {
  void *context;
  /* Takes one reply. Not 0 where nothing more is wanted: leave. */
  int32_t (*push)(void *context, archal_slice reply);
} archal_sink;

typedef struct archal_plugin_table {
  uint32_t abi_major; /* ARCHAL_PLUGIN_ABI_MAJOR */
  uint32_t abi_minor; /* ARCHAL_PLUGIN_ABI_MINOR */
  size_t struct_size; /* sizeof(archal_plugin_table) */
  int32_t (*describe)(archal_sink out);
  int32_t (*check)(archal_slice config, archal_sink out);
  int32_t (*open)(archal_slice config, void **state, archal_sink out);
  int32_t (*poll)(void *state, archal_slice pull, archal_sink out);
  int32_t (*close)(void *state);
} archal_plugin_table;

/* The only symbol that is looked for. */
const archal_plugin_table *archal_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
