/* A job that was built with the first header, run against today's library: what it was promised. */
#include "kareus_1.h"

#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (condition) break;                                                             \
    failures++;                                                                       \
    printf("%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, kareus_last_error());  \
  } while (0)

static kareus_handle* opened(void) {
  static const uint32_t clocks[] = {900, 1200};
  kareus_options options;
  kareus_handle* handle = NULL;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.backend = KAREUS_BACKEND_DRY;
  options.dry_clocks_mhz = clocks;
  options.dry_clock_count = 2;
  options.record_capacity = 8;
  options.synchronous = 1;
  CHECK(kareus_open(&options, &handle) == KAREUS_OK);
  return handle;
}

static void plan(kareus_handle* handle) {
  static const int32_t kind[] = {KAREUS_FORWARD, KAREUS_BACKWARD}, microbatch[] = {0, 0};
  static const uint32_t freq_mhz[] = {1200, 900};
  static const char* const key[] = {"forward.aa"};
  static const int32_t slot[] = {2}, layer[] = {0}, nanobatch[] = {-1};
  static const uint32_t sms[] = {16}, begin[] = {0, 1, 1}, configuration[] = {0};
  kareus_plan plan;
  memset(&plan, 0, sizeof plan);
  plan.struct_size = sizeof plan;
  plan.instruction_count = 2;
  plan.kind = kind;
  plan.microbatch = microbatch;
  plan.freq_mhz = freq_mhz;
  plan.configuration_count = 1;
  plan.partition_key = key;
  plan.launch_slot = slot;
  plan.sms = sms;
  plan.use_begin = begin;
  plan.use_configuration = configuration;
  plan.use_layer = layer;
  plan.use_nanobatch = nanobatch;
  CHECK(kareus_set_plan(handle, &plan) == KAREUS_OK);
}

static void step(kareus_handle* handle) {
  struct {
    kareus_partition_use use;
    uint32_t beyond;
  } found;
  memset(&found, 0xAB, sizeof found);
  found.use.struct_size = sizeof found.use;
  CHECK(kareus_step_begin(handle) == KAREUS_OK);
  CHECK(kareus_instruction_begin(handle, KAREUS_FORWARD, 0, 0, NULL) == KAREUS_OK);
  CHECK(kareus_get_partition(handle, "forward.aa", 0, -1, &found.use) == KAREUS_OK);
  CHECK(found.use.launch_slot == 2 && found.use.sms == 16 && found.beyond == 0xABABABABu);
  CHECK(kareus_instruction_end(handle, NULL) == KAREUS_OK);
  CHECK(kareus_instruction_begin(handle, KAREUS_BACKWARD, 0, 0, NULL) == KAREUS_OK);
  CHECK(kareus_instruction_end(handle, NULL) == KAREUS_OK);
  CHECK(kareus_step_end(handle) == KAREUS_OK);
}

/* Records stand one behind the other as this header has them, and nothing is written behind them. */
static void records(kareus_handle* handle) {
  kareus_record found[3];
  uint32_t count = 0;
  memset(found, 0xAB, sizeof found);
  CHECK(kareus_flush(handle, 5) == KAREUS_OK);
  CHECK(kareus_take_records(handle, found, 2, &count) == KAREUS_OK && count == 2);
  CHECK(found[0].kind == KAREUS_FORWARD && found[0].freq_mhz == 1200 && found[0].index == 0);
  CHECK(found[1].kind == KAREUS_BACKWARD && found[1].freq_mhz == 900 && found[1].index == 1);
  CHECK(found[0].time_s >= 0 && found[0].energy_j < 0 && found[1].start_s >= found[0].start_s);
  CHECK(found[2].step == 0xABABABABABABABABu);
}

static void told(kareus_handle* handle) {
  struct {
    kareus_statistics known;
    uint64_t beyond;
  } statistics;
  kareus_capabilities capabilities;
  memset(&statistics, 0xAB, sizeof statistics);
  statistics.known.struct_size = sizeof statistics.known;
  CHECK(kareus_get_statistics(handle, &statistics.known) == KAREUS_OK);
  CHECK(statistics.known.struct_size == sizeof statistics.known);
  CHECK(statistics.known.instructions == 2 && statistics.known.changes_applied == 2);
  CHECK(statistics.beyond == 0xABABABABABABABABu);
  memset(&capabilities, 0, sizeof capabilities);
  capabilities.struct_size = sizeof capabilities;
  CHECK(kareus_get_capabilities(handle, &capabilities) == KAREUS_OK);
  CHECK(capabilities.clock_count == 2 && capabilities.mode == KAREUS_MODE_CONTROL);
}

int main(void) {
  kareus_handle* handle = NULL;
  CHECK(kareus_abi_version() == KAREUS_ABI_VERSION);
  handle = opened();
  plan(handle);
  step(handle);
  records(handle);
  told(handle);
  CHECK(kareus_close(handle) == KAREUS_OK);
  return failures == 0 ? 0 : 1;
}
