package durable

// FirstPollInterval is the first pause of WaitForCompletion.
const FirstPollInterval = firstPollInterval
