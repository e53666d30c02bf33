//go:build race

package durabletest_test

const raceEnabled = true
