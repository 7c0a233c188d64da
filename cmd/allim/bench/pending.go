package bench

var _ = folderSize // of the scenario broadcast, which is on its way
