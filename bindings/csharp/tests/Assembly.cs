// Not in parallel: some tests measure the memory or the time of the whole process.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
