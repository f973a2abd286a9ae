#include "recorder.h"

int main(int argc, char** argv) { return kareus_recorder(argc, argv, nullptr); }
