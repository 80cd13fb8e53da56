using System;
using System.Threading;
using System.Threading.Tasks;

namespace Sonoran.Events
{
    /// <summary>Completes tasks. RunContinuationsAsynchronously is missing before .NET Framework 4.6.</summary>
    internal static class Completion
    {
        internal static void Here<T>(TaskCompletionSource<T> source, T result, Exception failure)
        {
            if (failure != null) source.SetException(failure);
            else source.SetResult(result);
        }

        /// <summary>Runs continuations on the pool, not on the thread that has the result.</summary>
        internal static void OnPool<T>(TaskCompletionSource<T> source, T result, Exception failure)
        {
            ThreadPool.UnsafeQueueUserWorkItem(state => Here(source, result, failure), null);
        }
    }
}
