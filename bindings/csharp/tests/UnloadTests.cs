using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    /// <summary>Waiting code is unloaded, as when a game server restarts a plugin on its main thread.</summary>
    public class UnloadTests
    {
#if NET8_0_OR_GREATER
        [Theory]
        [InlineData("Wait")]
        [InlineData("WaitAsync")]
        [InlineData("ReadAllAsync")]
        public async Task AnAssemblyLoadContextThatWaitsIsUnloaded(string kind)
        {
            Task ended;
            var context = Unloaded(kind, out ended);
            Assert.Equal("ended", await End(ended).Soon());
            // A wait ends with an exception; ReadAllAsync just ends.
            Assert.Equal(kind != "ReadAllAsync", ended.Exception?.InnerException is AppDomainUnloadedException);
            ended = null;
            var clock = Stopwatch.StartNew();
            while (context.IsAlive)
            {
                Assert.True(clock.ElapsedMilliseconds < 3 * Native.Patience, "something keeps the context");
                // Leaves the ended task's stack, which may still refer to the context.
                await Task.Delay(50);
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        private static async Task<string> End(Task task)
        {
            await task.ContinueWith(ended => { }, TaskScheduler.Default);
            return "ended";
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static WeakReference Unloaded(string kind, out Task ended)
        {
            var context = new System.Runtime.Loader.AssemblyLoadContext(kind, isCollectible: true);
            // A second copy of the binding, and the code that waits with it.
            context.LoadFromAssemblyPath(typeof(SonoranSession).Assembly.Location);
            var tests = context.LoadFromAssemblyPath(typeof(UnloadTests).Assembly.Location);
            var start = tests.GetType(typeof(Waiter).FullName).GetMethod(nameof(Waiter.Start));
            var options = Hub.Shared.Options(Hub.NewServer()).ToJson();
            ended = (Task)start.Invoke(null, new object[] { Native.Library.Path, options, kind });
            Assert.False(ended.IsCompleted);
            context.Unload();
            return new WeakReference(context);
        }
#else
        [Theory]
        [InlineData("Wait")]
        [InlineData("WaitUpTo")]
        [InlineData("WaitAsync")]
        [InlineData("several")]
        [InlineData("several and Wait")]
        public void AnAppDomainThatWaitsIsUnloaded(string kind)
        {
            var setup = new AppDomainSetup { ApplicationBase = AppDomain.CurrentDomain.BaseDirectory };
            var domain = AppDomain.CreateDomain(kind, null, setup);
            var plugin = (Waiter)domain.CreateInstanceAndUnwrap(typeof(Waiter).Assembly.FullName, typeof(Waiter).FullName);
            var ended = Path.GetTempFileName();
            foreach (var one in kind.Split(new[] { " and " }, StringSplitOptions.None))
                for (var i = 0; i < (one == "several" ? 5 : 1); i++)
                    plugin.StartAndNote(Native.Library.Path, Hub.Shared.Options(Hub.NewServer()).ToJson(), one == "several" ? "WaitAsync" : one, ended);
            var clock = Stopwatch.StartNew();
            var unloading = new Thread(() => AppDomain.Unload(domain)) { IsBackground = true };
            unloading.Start();
            Assert.True(unloading.Join(Native.Patience), "the domain is not unloaded after " + Native.Patience + " ms");
            Console.WriteLine("csharp: an AppDomain in " + kind + " is unloaded in " + clock.ElapsedMilliseconds + " ms");
            // The domain may be gone before the waits can report how they ended; none ends otherwise.
            foreach (var end in File.ReadAllLines(ended)) Assert.Contains(end, "AppDomainUnloadedException ThreadAbortException");
        }

        /// <summary>FXServer replaces .NET's scheduler with one that runs on its main thread.</summary>
        [Fact]
        public void AnotherDefaultSchedulerIsNotUsed()
        {
            var field = typeof(TaskScheduler).GetField("s_defaultTaskScheduler", BindingFlags.Static | BindingFlags.NonPublic);
            var usual = field.GetValue(null);
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                field.SetValue(null, new Unused());
                try
                {
                    var waiting = session.WaitAsync();
                    session.Wake();
                    Assert.True(waiting.Wait(Native.Patience), "the wait did not end");
                    Assert.Null(waiting.Result);
                    waiting = session.WaitAsync(50);
                    Assert.True(waiting.Wait(Native.Patience), "the wait did not end");
                }
                finally
                {
                    field.SetValue(null, usual);
                }
            }
        }

        private sealed class Unused : TaskScheduler
        {
            protected override void QueueTask(Task task) { throw new InvalidOperationException("a task went to the default scheduler"); }
            protected override bool TryExecuteTaskInline(Task task, bool queued) { return false; }
            protected override System.Collections.Generic.IEnumerable<Task> GetScheduledTasks() { return Enumerable.Empty<Task>(); }
        }
#endif
    }

    /// <summary>A plugin that only waits.</summary>
    public class Waiter : MarshalByRefObject
    {
        /// <summary>Starts a wait that only unloading ends; returns once it waits.</summary>
        public static Task Start(string library, string options, string kind)
        {
            var session = SonoranLibrary.Load(library).Connect(options);
            session.Until("SESSION_READY");
            switch (kind)
            {
                case "WaitAsync":
                    return session.WaitAsync();
#if NET8_0_OR_GREATER
                case "ReadAllAsync":
                    return ReadAll(session);
#endif
            }
            var ended = new TaskCompletionSource<bool>();
            var timeout = kind == "WaitUpTo" ? 3600000 : -1;
            new Thread(() =>
            {
                try
                {
                    session.Wait(timeout);
                    ended.SetResult(true);
                }
                catch (Exception e)
                {
                    ended.SetException(e);
                }
            }) { IsBackground = true }.Start();
            while (session.Waits.Count == 0) Thread.Sleep(1);
            return ended.Task;
        }

        /// <summary>As <see cref="Start"/>, but writes to a file how it ended.</summary>
        public void StartAndNote(string library, string options, string kind, string file)
        {
            Start(library, options, kind).ContinueWith(ended =>
            {
                lock (typeof(Waiter)) File.AppendAllText(file, ended.Exception.InnerException.GetType().Name + "\n");
            }, TaskContinuationOptions.ExecuteSynchronously);
        }

#if NET8_0_OR_GREATER
        private static async Task ReadAll(SonoranSession session)
        {
            var all = session.ReadAllAsync().GetAsyncEnumerator();
            if (await all.MoveNextAsync()) throw new Exception(all.Current.Json);
        }
#endif
    }
}
