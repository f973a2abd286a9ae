#include "journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "failure.h"

namespace kareus {
namespace {

constexpr const char* kFirstLine = "kareus-journal 1";
constexpr const char* kSuffix = ".journal";

std::string fileNameOf(const std::string& uuid) {
  std::string name = uuid;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-') c = '_';
  }
  return name;
}

std::string textOf(const JournalEntry& entry) {
  std::ostringstream text;
  text << kFirstLine << "\ndevice " << entry.target.device << "\nbackend " << entry.target.backend
       << "\nzeusd " << entry.target.zeusd_socket << "\nowner " << entry.owner.pid << ' '
       << entry.owner.start_ticks << "\nguard " << entry.guard.pid << ' '
       << entry.guard.start_ticks << "\nboot " << entry.boot << "\n";
  return text.str();
}

std::optional<JournalEntry> readEntry(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line != kFirstLine) return std::nullopt;
  JournalEntry entry;
  entry.target.control = true;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "device") words >> entry.target.device;
    if (key == "backend") words >> entry.target.backend;
    if (key == "zeusd") std::getline(words >> std::ws, entry.target.zeusd_socket);
    if (key == "owner") words >> entry.owner.pid >> entry.owner.start_ticks;
    if (key == "guard") words >> entry.guard.pid >> entry.guard.start_ticks;
    if (key == "boot") words >> entry.boot;
  }
  if (entry.target.device.empty() || entry.owner.pid <= 0) return std::nullopt;
  return entry;
}

// Absolute: a job may change its folder while it runs.
std::string stateDir(const std::string& given) {
  const char* chosen = std::getenv("KAREUS_STATE_DIR");
  std::string dir = "/tmp/kareus-" + std::to_string(geteuid());
  if (geteuid() == 0) dir = "/run/kareus";
  if (chosen != nullptr && *chosen != '\0') dir = chosen;
  if (!given.empty()) dir = given;
  std::error_code ignored;
  return std::filesystem::absolute(dir, ignored).string();
}

}  // namespace

std::optional<std::string> findStateDir(const std::string& given) {
  const std::string dir = stateDir(given);
  struct stat found = {};
  if (lstat(dir.c_str(), &found) != 0) return std::nullopt;
  // In a shared folder somebody else could have made it, or put a link there.
  const bool ours = S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
                    (found.st_mode & 0022) == 0;
  if (!ours) fail(KAREUS_NO_STATE_DIR, dir + " is not a folder of this user alone");
  return dir;
}

std::string openStateDir(const std::string& given) {
  const std::string wanted = stateDir(given);
  const bool made = mkdir(wanted.c_str(), 0700) == 0 || errno == EEXIST;
  const int reason = errno;
  const auto dir = made ? findStateDir(given) : std::nullopt;
  if (!dir) fail(KAREUS_NO_STATE_DIR, wanted + ": " + std::strerror(reason));
  return *dir;
}

Journal::Journal(std::string state_dir, const std::string& uuid)
    : path_(state_dir + "/" + fileNameOf(uuid) + kSuffix),
      lock_path_(state_dir + "/" + fileNameOf(uuid) + ".lock") {}

// A record lock: forked children do not inherit it, so they do not hold it on.
std::optional<int> Journal::takeLock(pid_t& holder) const {
  const int fd = open(lock_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail(KAREUS_NO_STATE_DIR, lock_path_ + ": " + std::strerror(errno));
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  if (fcntl(fd, F_SETLK, &whole) == 0) return fd;
  whole.l_type = F_WRLCK;
  fcntl(fd, F_GETLK, &whole);
  holder = whole.l_pid;
  close(fd);
  return std::nullopt;
}

bool Journal::isLocked() const {
  const int fd = open(lock_path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock whole = {};
  whole.l_type = F_RDLCK;
  const bool locked = fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close(fd);
  return locked;
}

void Journal::write(const JournalEntry& entry) const {
  const std::string draft = path_ + ".draft";
  std::ofstream file(draft, std::ios::trunc);
  file << textOf(entry);
  file.close();
  if (!file || std::rename(draft.c_str(), path_.c_str()) != 0) {
    fail(KAREUS_NO_STATE_DIR, path_ + " cannot be written");
  }
}

std::optional<JournalEntry> Journal::read() const { return readEntry(path_); }

void Journal::remove() const { unlink(path_.c_str()); }

std::vector<JournalEntry> readJournals(const std::string& state_dir) {
  std::vector<std::string> names;
  DIR* dir = opendir(state_dir.c_str());
  if (dir == nullptr) return {};
  while (const dirent* found = readdir(dir)) {
    const std::string name = found->d_name;
    const size_t dot = name.rfind('.');
    if (dot != std::string::npos && name.substr(dot) == kSuffix) names.push_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  std::vector<JournalEntry> entries;
  for (const std::string& name : names) {
    if (auto entry = readEntry(state_dir + "/" + name)) entries.push_back(*entry);
  }
  return entries;
}

}  // namespace kareus
