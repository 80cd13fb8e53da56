using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class WaitTests
    {
        [Fact]
        public void WaitEndsWhenItsTimeIsUp()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var clock = Stopwatch.StartNew();
                Assert.Null(session.Wait(50));
                Assert.True(clock.ElapsedMilliseconds >= 49, clock.ElapsedMilliseconds + " ms");
                Assert.Null(session.Wait(0));
            }
        }

        [Fact]
        public async Task WaitAsyncBringsWhatComesLater()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                Assert.Null(await session.WaitAsync(20).Soon());
                for (var i = 0; i < 20; i++)
                {
                    var waiting = session.WaitAsync();
                    Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
                    Assert.Equal("EVENT_" + i, (await waiting.Soon()).Type);
                }
            }
        }

        [Fact]
        public async Task CancellingLosesNoEvent()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                const int count = 200;
                var burst = Hub.Shared.PostAsync("/control/burst?rate=400&serverId=" + server + "&count=" + count);
                var seen = new List<string>();
                var cancelled = 0;
                while (seen.Count < count)
                    using (var cancel = new CancellationTokenSource())
                    {
                        var waiting = session.WaitAsync(cancel.Token);
                        cancel.CancelAfter(1);
                        try
                        {
                            seen.Add(Json.Text((await waiting.Soon())["data"], "seq"));
                        }
                        catch (OperationCanceledException)
                        {
                            cancelled++;
                        }
                    }
                await burst;
                Assert.Equal(Enumerable.Range(0, count).Select(i => i.ToString()), seen);
                Assert.True(cancelled > 0, "nothing was cancelled");
            }
        }

        [Fact]
        public async Task ATokenThatIsCancelledAlready()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.WaitAsync(new CancellationToken(true)));
        }

        [Fact]
        public async Task WakeEndsAWaitOnce()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var waiting = session.WaitAsync();
                session.Wake();
                Assert.Null(await waiting.Soon());
                session.Wake();
                Assert.Null(session.Wait(-1));
                waiting = session.WaitAsync();
                Hub.Shared.Push(server, "{\"type\":\"EVENT_NEXT\"}");
                Assert.Equal("EVENT_NEXT", (await waiting.Soon()).Type);
            }
        }

        [Fact]
        public async Task AWaitEndsWithItsSession()
        {
            int server;
            var session = Hub.Shared.Ready(out server);
            var waiting = session.WaitAsync();
            session.Dispose();
            Assert.Equal("SESSION_CLOSED", (await waiting.Soon()).Type);
            await Assert.ThrowsAnyAsync<SonoranException>(() => session.WaitAsync());

            var replaced = Hub.Shared.Ready(out server);
            waiting = replaced.WaitAsync();
            using (Native.Library.Connect(Hub.Shared.Options(server)))
                Assert.Equal(-10, (await Assert.ThrowsAnyAsync<SonoranException>(() => waiting.Soon())).Code);
        }

        [Fact]
        public async Task OfManyWaitersEachEventGoesToOne()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                const int count = 500;
                var seen = new ConcurrentBag<int>();
                using (var done = new CancellationTokenSource())
                {
                    var waiters = Enumerable.Range(0, 4).Select(async n =>
                    {
                        try
                        {
                            while (true) seen.Add(int.Parse(Json.Text((await session.WaitAsync(done.Token))["data"], "seq")));
                        }
                        catch (OperationCanceledException) { }
                    }).ToArray();
                    await Hub.Shared.PostAsync("/control/burst?serverId=" + server + "&count=" + count);
                    var clock = Stopwatch.StartNew();
                    while (seen.Count < count && clock.ElapsedMilliseconds < Native.Patience) await Task.Delay(1);
                    done.Cancel();
                    await Task.WhenAll(waiters);
                }
                Assert.Equal(Enumerable.Range(0, count), seen.OrderBy(n => n));
            }
        }

#if NET8_0_OR_GREATER
        [Fact]
        public async Task ReadAllEndsWithTheSession()
        {
            int server;
            var session = Hub.Shared.Ready(out server);
            var types = new List<string>();
            var all = session.ReadAllAsync().GetAsyncEnumerator();
            Hub.Shared.Push(server, "{\"type\":\"EVENT_A\"}");
            while (await all.MoveNextAsync())
            {
                types.Add(all.Current.Type);
                if (types.Count == 1) session.Dispose();
            }
            Assert.Equal(new[] { "EVENT_A", "SESSION_CLOSED" }, types);
        }
#endif
    }
}
