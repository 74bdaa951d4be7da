#pragma once

// Types and constants only: libsndfile is loaded when a file is opened (SoundFileLibrary.swift),
// because it brings nine libraries and more than a mebibyte of resident memory with it.
#include <sndfile.h>
