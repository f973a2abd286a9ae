#include "session.h"

#include <map>
#include <set>

#include "measure.h"
#include "reply.h"
#include "switching.h"

namespace kareus {
namespace {

// Whether a stand-in takes the SMs that it was given; each number is tried once.
class StandIns {
 public:
  explicit StandIns(Machine& machine) : machine_(machine) {}

  // Empty, or what is wrong with the prepared task's.
  std::string check(const Task& task) {
    if (!machine_.standsIn() || task.sms == 0) return "";
    const auto [found, added] = taken_.try_emplace(task.sms, 0);
    if (added) found->second = machine_.standInSms(task.sms);
    if (found->second == task.sms) return "";
    return "the stand-in's " + std::to_string(task.sms) + " blocks run on " +
           std::to_string(found->second) + " SMs";
  }

 private:
  Machine& machine_;
  std::map<int, int> taken_;
};

int runSwitches(Machine& machine, const std::vector<Task>& tasks,
                const std::function<void(const std::string&)>& say,
                const std::function<bool()>& stopped, std::string& refused) {
  std::set<int> clocks;
  for (const Task& task : tasks) clocks.insert(task.clock_mhz);
  if (tasks.empty()) return kDone;
  refused = machine.prepare(tasks.front());
  if (!refused.empty()) return kFailed;
  const auto tell = [&](const SwitchTime& found) { say(lineOf(found)); };
  refused = measureSwitches(machine, {clocks.begin(), clocks.end()}, tell, stopped);
  return refused.empty() ? kDone : kClocks;
}

}  // namespace

int runSession(Machine& machine, const std::vector<Task>& tasks, const Setting& setting,
               const std::function<void(const std::string&)>& say,
               const std::function<bool()>& stopped, std::string& refused) {
  if (setting.switch_times) return runSwitches(machine, tasks, say, stopped, refused);
  Counter counter(machine);
  StandIns stand_ins(machine);
  int clock_mhz = 0;
  for (const Task& task : tasks) {
    if (stopped()) break;
    if (setting.lock_clocks && task.clock_mhz != clock_mhz) {
      refused = machine.lockClock(task.clock_mhz);
      if (!refused.empty()) return kClocks;
      clock_mhz = task.clock_mhz;
    }
    std::string reason = machine.prepare(task);
    if (reason.empty()) reason = stand_ins.check(task);
    if (!reason.empty()) {
      say(skipped(task, reason));
      continue;
    }
    const auto found = measure(machine, counter, setting, stopped);
    if (found) say(lineOf(task, *found, machine.standsIn()));
  }
  return kDone;
}

}  // namespace kareus
