#include "plan.h"

#include <algorithm>

#include "failure.h"

namespace kareus {
namespace {

std::string at(uint32_t index) { return "instruction " + std::to_string(index); }

// The device's clock that is nearest, for the message.
uint32_t nearest(const std::vector<uint32_t>& clocks_mhz, uint32_t freq_mhz) {
  const auto distance = [freq_mhz](uint32_t clock) {
    return clock > freq_mhz ? clock - freq_mhz : freq_mhz - clock;
  };
  return *std::min_element(clocks_mhz.begin(), clocks_mhz.end(), [&](uint32_t a, uint32_t b) {
    return distance(a) < distance(b);
  });
}

}  // namespace

Plan::Plan(const kareus_plan& given, const std::vector<uint32_t>& clocks_mhz) {
  copyInstructions(given, clocks_mhz);
  checkDwell(given);
  copyConfigurations(given);
  copyUses(given);
}

void Plan::copyInstructions(const kareus_plan& given, const std::vector<uint32_t>& clocks_mhz) {
  if (given.instruction_count == 0) fail(KAREUS_BAD_PLAN, "no instructions");
  if (given.kind == nullptr || given.microbatch == nullptr || given.freq_mhz == nullptr) {
    fail(KAREUS_BAD_ARGUMENT, "kind, microbatch and freq_mhz must be given");
  }
  for (uint32_t i = 0; i < given.instruction_count; i++) {
    const Instruction instruction = {given.kind[i], given.microbatch[i],
                                     given.chunk == nullptr ? 0 : given.chunk[i],
                                     given.freq_mhz[i]};
    if (instruction.kind < KAREUS_FORWARD || instruction.kind > KAREUS_TAIL) {
      fail(KAREUS_BAD_PLAN, at(i) + " is of an unknown kind");
    }
    const bool known = clocks_mhz.empty() || std::binary_search(clocks_mhz.begin(),
                                                                clocks_mhz.end(),
                                                                instruction.freq_mhz);
    if (!known || instruction.freq_mhz == 0) {
      std::string detail = at(i) + " at " + std::to_string(instruction.freq_mhz) + " MHz";
      if (!known) detail += "; nearest " + std::to_string(nearest(clocks_mhz, instruction.freq_mhz));
      fail(KAREUS_OTHER_CLOCKS, detail);
    }
    instructions_.push_back(instruction);
  }
}

// A clock is held from the first instruction at it to the first at another, at least as long as the
// switch to it takes; the last one of a step
// until its instructions end, for the start of the next step is unknown.
void Plan::checkDwell(const kareus_plan& given) const {
  const auto count = static_cast<uint32_t>(instructions_.size());
  const auto switchTo = [&given](uint32_t i) {
    return given.switch_to_s == nullptr ? given.switch_time_s : given.switch_to_s[i];
  };
  bool takes_time = false;
  for (uint32_t i = 0; i < count; i++) {
    if (!(switchTo(i) >= 0)) fail(KAREUS_BAD_PLAN, "a switch time is negative");
    takes_time = takes_time || switchTo(i) > 0;
  }
  if (!takes_time) return;
  if (given.start_s == nullptr || given.time_s == nullptr) {
    fail(KAREUS_BAD_ARGUMENT, "start_s and time_s must be given where a switch takes time");
  }
  uint32_t first = 0;
  for (uint32_t i = 1; i <= count; i++) {
    const bool changes = i == count || instructions_[i].freq_mhz != instructions_[first].freq_mhz;
    if (!changes) continue;
    const double end_s = i < count ? given.start_s[i] : given.start_s[i - 1] + given.time_s[i - 1];
    const double dwell_s = end_s - given.start_s[first];
    // What is at the clock of both the step's ends goes on into the next step.
    const bool goes_on = (first == 0 || i == count) &&
                         instructions_.front().freq_mhz == instructions_.back().freq_mhz;
    constexpr double kRounding = 1e-9;
    if (!goes_on && dwell_s < switchTo(first) * (1 - kRounding)) {
      fail(KAREUS_SHORT_DWELL, at(first) + " to " + std::to_string(i - 1) + ": " +
                                   std::to_string(dwell_s) + " s at " +
                                   std::to_string(instructions_[first].freq_mhz) +
                                   " MHz, a switch takes " + std::to_string(switchTo(first)) +
                                   " s");
    }
    first = i;
  }
}

void Plan::copyConfigurations(const kareus_plan& given) {
  if (given.configuration_count == 0) return;
  if (given.partition_key == nullptr || given.launch_slot == nullptr || given.sms == nullptr) {
    fail(KAREUS_BAD_ARGUMENT, "partition_key, launch_slot and sms must be given");
  }
  for (uint32_t i = 0; i < given.configuration_count; i++) {
    if (given.partition_key[i] == nullptr) fail(KAREUS_BAD_ARGUMENT, "a partition_key is null");
    if (given.launch_slot[i] < -1) fail(KAREUS_BAD_PLAN, "a launch_slot is below -1");
    configurations_.push_back({given.partition_key[i], given.launch_slot[i], given.sms[i]});
  }
}

void Plan::copyUses(const kareus_plan& given) {
  if (given.configuration_count == 0) {
    use_begin_.assign(instructions_.size() + 1, 0);
    return;
  }
  if (given.use_begin == nullptr) fail(KAREUS_BAD_ARGUMENT, "use_begin must be given");
  use_begin_.assign(given.use_begin, given.use_begin + instructions_.size() + 1);
  if (use_begin_.front() != 0 || !std::is_sorted(use_begin_.begin(), use_begin_.end())) {
    fail(KAREUS_BAD_PLAN, "use_begin does not ascend from 0");
  }
  const uint32_t rows = use_begin_.back();
  if (rows > 0 && (given.use_configuration == nullptr || given.use_layer == nullptr ||
                   given.use_nanobatch == nullptr)) {
    fail(KAREUS_BAD_ARGUMENT, "use_configuration, use_layer and use_nanobatch must be given");
  }
  for (uint32_t row = 0; row < rows; row++) {
    const Use use = {given.use_configuration[row], given.use_layer[row], given.use_nanobatch[row]};
    if (use.configuration >= configurations_.size()) {
      fail(KAREUS_BAD_PLAN, "use " + std::to_string(row) + " names no configuration");
    }
    uses_.push_back(use);
  }
}

bool Plan::find(uint32_t instruction, const char* key, int32_t layer, int32_t nanobatch,
                kareus_partition_use& use) const {
  for (uint32_t row = use_begin_[instruction]; row < use_begin_[instruction + 1]; row++) {
    const Use& candidate = uses_[row];
    if (candidate.layer != layer) continue;
    if (nanobatch >= 0 && candidate.nanobatch != nanobatch) continue;
    const Configuration& configuration = configurations_[candidate.configuration];
    if (configuration.key != key) continue;
    use.configuration = candidate.configuration;
    use.launch_slot = configuration.launch_slot;
    use.sms = configuration.sms;
    return true;
  }
  return false;
}

}  // namespace kareus
