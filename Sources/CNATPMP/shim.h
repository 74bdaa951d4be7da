#pragma once

// Types and constants only: libnatpmp is loaded when a port is to be mapped (NATPMPLibrary.swift).
#include <natpmp.h>
