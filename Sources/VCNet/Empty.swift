import VCCore
