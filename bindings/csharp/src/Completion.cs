using System;
using System.Threading;
using System.Threading.Tasks;

namespace Sonoran.Events
{
    /// <summary>Ends tasks. TaskCreationOptions.RunContinuationsAsynchronously would do, but .NET Framework has it from 4.6 on only.</summary>
    internal static class Completion
    {
        internal static void Here<T>(TaskCompletionSource<T> source, T result, Exception failure)
        {
            if (failure != null) source.SetException(failure);
            else source.SetResult(result);
        }

        /// <summary>What follows an await runs on the pool, not on the thread that happens to know the result.</summary>
        internal static void OnPool<T>(TaskCompletionSource<T> source, T result, Exception failure)
        {
            ThreadPool.UnsafeQueueUserWorkItem(state => Here(source, result, failure), null);
        }
    }
}
