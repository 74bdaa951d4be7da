#pragma once

// A LADSPA plugin that misbehaves as its controls say; see plugin.c.
