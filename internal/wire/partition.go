package wire

import "hash/fnv"

// Partition returns the partition of an instance, 0 to count-1: FNV-1a over the UTF-8 bytes of the raw ID, modulo the
// count (Fnv1aHashHelper.cs, AzureStorageOrchestrationService.cs).
func Partition(instanceID string, count int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(instanceID))
	return int(h.Sum32() % uint32(count)) //nolint:gosec // count is 1 to 16
}

// MaxPartitions is the largest partition count that the engine accepts (AzureStorageOrchestrationService.cs).
const MaxPartitions = 16

// ControlQueueSuffix returns what follows the lower-cased hub name in the name of a control queue.
func ControlQueueSuffix(partition int) string {
	return "-control-" + string(rune('0'+partition/10)) + string(rune('0'+partition%10))
}
