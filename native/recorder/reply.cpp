#include "reply.h"

#include <cstdio>

namespace kareus {
namespace {

std::string entry(const std::string& name, const std::string& value) {
  return ",\"" + name + "\":" + value;
}

// Nothing where the value is not known.
std::string known(const std::string& name, std::optional<double> value) {
  return value ? entry(name, number(value)) : "";
}

std::string listOf(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ",") + quoted(word);
  return "[" + list + "]";
}

std::string listOf(const std::vector<Regime>& regimes) {
  std::string list;
  for (const Regime& each : regimes) {
    list += (list.empty() ? "" : ",") + std::string("{\"time_s\":") + number(each.time_s) +
            ",\"share\":" + number(each.share) + "}";
  }
  return "[" + list + "]";
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

std::string number(std::optional<double> value) {
  if (!value) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", *value);
  return text;
}

std::string lineOf(const Greeting& greeting) {
  const PowerState& power = greeting.power;
  std::string line = "{\"gpu\":" + quoted(greeting.gpu) + entry("driver", quoted(greeting.driver)) +
                     entry("sm_count", std::to_string(greeting.sm_count)) +
                     known("power_limit_w", power.limit_w);
  if (power.workload_profile) line += entry("workload_profile", quoted(*power.workload_profile));
  if (power.smoothing) line += entry("smoothing", *power.smoothing ? "true" : "false");
  return line + "}";
}

std::string lineOf(const Task& task, const Measurement& found, bool stand_in) {
  std::string line = "{\"task\":" + std::to_string(task.id) + entry("time_s", number(found.time_s)) +
                     entry("time_s_std", number(found.time_s_std)) +
                     entry("energy_j", number(found.energy_j)) +
                     entry("energy_j_std", number(found.energy_j_std)) +
                     entry("trials", std::to_string(found.trials)) +
                     entry("stand_in", stand_in ? "true" : "false") +
                     known("clock_mhz", found.conditions.clock_mhz) +
                     known("temperature_c", found.conditions.temperature_c);
  if (found.conditions.limits) {
    const uint64_t limits = *found.conditions.limits;
    const char* limit = limitOf(limits);
    line += entry("limited_by", *limit == '\0' ? "null" : quoted(limit)) +
            entry("event_reasons", listOf(wordsOf(limits)));
  }
  line += entry("precision", number(found.precision)) + entry("window_s", number(found.window_s));
  if (!found.reason.empty()) line += entry("reason", quoted(found.reason));
  if (!found.regimes.empty()) line += entry("regimes", listOf(found.regimes));
  return line + "}";
}

std::string lineOf(const SwitchTime& found) {
  return "{\"switch\":{\"from_mhz\":" + std::to_string(found.from_mhz) +
         entry("freq_mhz", std::to_string(found.to_mhz)) + entry("call_s", number(found.call_s)) +
         entry("time_s", number(found.time_s)) + entry("time_s_std", number(found.time_s_std)) +
         entry("trials", std::to_string(found.trials)) + "}}";
}

std::string skipped(const Task& task, const std::string& reason) {
  return "{\"task\":" + std::to_string(task.id) + entry("skipped", quoted(reason)) + "}";
}

}  // namespace kareus
