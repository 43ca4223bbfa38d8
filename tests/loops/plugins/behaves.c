/* A plugin as its user could write one in C, that does what `do` in its configuration says. Built
 * with -D… its table is a wrong one. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archal_plugin.h"

static int32_t push(archal_sink out, const char *reply) {
  archal_slice slice = {(const uint8_t *)reply, strlen(reply)};
  return out.push(out.context, slice);
}

static int32_t describe(archal_sink out) {
  push(out, "{\"reply\":\"description\",\"protocol\":1,\"name\":\"behaves\",\"version\":\"1\"}");
  return ARCHAL_PLUGIN_DONE;
}

static int is(archal_slice config, const char *what) {
  return memmem(config.start, config.length, what, strlen(what)) != NULL;
}

static int32_t check(archal_slice config, archal_sink out) {
  if (is(config, "segv")) {
    *(volatile int *)8 = 1;
  } else if (is(config, "abort")) {
    abort();
  } else if (is(config, "hang")) {
    for (;;) pause();
  } else if (is(config, "flood")) {
    for (;;) push(out, "{\"reply\":\"point\",\"name\":\"a\",\"standing\":\"ready\",\"detail\":\"b\"}");
  } else if (is(config, "garbage")) {
    push(out, "garbage");
  } else if (is(config, "fails")) {
    return ARCHAL_PLUGIN_FAILED;
  }
  return ARCHAL_PLUGIN_DONE;
}

static int opened;

static int32_t open_(archal_slice config, void **state, archal_sink out) {
  (void)config, (void)out;
  *state = &opened;
  return ARCHAL_PLUGIN_DONE;
}

/* Two pages: the second is asked for at once, in another process. */
static int32_t poll_(void *state, archal_slice pull, archal_sink out) {
  int is_second = is(pull, "\"cursor\":1");
  if (state != &opened) abort();
  push(out, is_second ? "{\"reply\":\"trace\",\n \"trace\":{\"id\":\"t-2\"}}"
                      : "{\"reply\":\"trace\",\"trace\":{\"id\":\"t-1\"}}");
  push(out, is_second ? "{\"reply\":\"cursor\",\"cursor\":2}" : "{\"reply\":\"cursor\",\"cursor\":1}");
  return is_second ? ARCHAL_PLUGIN_DONE : ARCHAL_PLUGIN_MORE;
}

static int32_t close_(void *state) { return state == &opened ? ARCHAL_PLUGIN_DONE : ARCHAL_PLUGIN_FAILED; }

#ifndef MAJOR
#define MAJOR ARCHAL_PLUGIN_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR ARCHAL_PLUGIN_ABI_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(archal_plugin_table)
#endif
#ifdef LACKS
#define CLOSE 0
#else
#define CLOSE close_
#endif

static const archal_plugin_table table = {MAJOR, MINOR, SIZE, describe, check, open_, poll_, CLOSE};

#ifndef NAMELESS
const archal_plugin_table *archal_plugin_v1(void) {
#ifdef NOTHING
  return 0;
#else
  return &table;
#endif
}
#endif
