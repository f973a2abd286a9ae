// One stage's part of a plan, checked and copied.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kareus.h"

namespace kareus {

struct Instruction {
  int32_t kind, microbatch, chunk;
  uint32_t freq_mhz;
};

class Plan {
 public:
  Plan() = default;
  // Clocks are those of the device, ascending; none: any will do.
  // Throws Failure: BAD_ARGUMENT, BAD_PLAN, OTHER_CLOCKS, SHORT_DWELL.
  Plan(const kareus_plan& given, const std::vector<uint32_t>& clocks_mhz);

  const std::vector<Instruction>& instructions() const { return instructions_; }

  // False where the instruction runs no such partition. Layer -1: outside the layers; nanobatch
  // -1: any.
  bool find(uint32_t instruction, const char* key, int32_t layer, int32_t nanobatch,
            kareus_partition_use& use) const;

 private:
  struct Configuration {
    std::string key;
    int32_t launch_slot;
    uint32_t sms;
  };
  struct Use {
    uint32_t configuration;
    int32_t layer, nanobatch;
  };

  void copyInstructions(const kareus_plan& given, const std::vector<uint32_t>& clocks_mhz);
  void checkDwell(const kareus_plan& given) const;
  void copyConfigurations(const kareus_plan& given);
  void copyUses(const kareus_plan& given);

  std::vector<Instruction> instructions_;
  std::vector<Configuration> configurations_;
  std::vector<uint32_t> use_begin_;
  std::vector<Use> uses_;
};

}  // namespace kareus
