package cli

var Batches = batches
