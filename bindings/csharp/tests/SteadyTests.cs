using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class SteadyTests
    {
        /// <summary>This process's resident memory in KiB, after a collection.</summary>
        private static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
#if NET8_0_OR_GREATER
            GC.Collect(2, GCCollectionMode.Aggressive, true, true); // returns memory to the system, too
#else
            GC.Collect();
#endif
            var line = File.ReadAllLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(new string(line.Where(char.IsDigit).ToArray()));
        }

        private static void Queue(SonoranSession session, int server, int count, int size)
        {
            Hub.Shared.Post("/control/burst?serverId=" + server + "&count=" + count + "&size=" + size);
            var clock = Stopwatch.StartNew();
            while (Json.Text(session.StatsJson(), "queuedEvents") != count.ToString())
            {
                Assert.True(clock.ElapsedMilliseconds < Native.Patience, session.StatsJson());
                System.Threading.Thread.Sleep(1);
            }
        }

        /// <summary>Takes <paramref name="count"/> events; returns them and how long it took.</summary>
        private static SonoranEvent[] Take(SonoranSession session, int count, out TimeSpan elapsed)
        {
            var events = new SonoranEvent[count];
            var taken = 0;
            var clock = Stopwatch.StartNew();
            SonoranEvent next;
            while ((next = session.Poll()) != null) events[taken++] = next;
            elapsed = clock.Elapsed;
            Assert.Equal(count, taken);
            return events;
        }

        [Fact]
        public void AHundredThousandEventsLeakNothing()
        {
            const int warmUp = 4, rounds = 10, count = 10000;
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                long warm = 0, least = long.MaxValue, taken = 0;
                for (var round = 0; round < warmUp + rounds; round++)
                {
                    TimeSpan elapsed;
                    if (round == warmUp) warm = Resident();
                    Queue(session, server, count, 1000);
                    var characters = Take(session, count, out elapsed).Sum(e => (long)e.Json.Length);
                    if (round < warmUp) continue;
                    taken += characters;
                    // A garbage-collected heap shrinks and grows; a leak only grows.
                    if (round >= warmUp + rounds / 2) least = Math.Min(least, Resident());
                }
                var grown = least - warm;
                Console.WriteLine("csharp on " + Runtime() + ": memory after " + rounds * count + " more events (" + taken / 1024 + " KiB): " + (grown >= 0 ? "+" : "") + grown + " KiB");
                Assert.True(grown < taken / 1024 / 8, "grew by " + grown + " KiB");
            }
        }

        [Fact]
        public void TheCostOfAnEvent()
        {
            const int rounds = 5, count = 50000;
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                double poll = double.MaxValue, type = double.MaxValue, empty = double.MaxValue;
                for (var round = 0; round < rounds; round++)
                {
                    Queue(session, server, count, 0);
                    TimeSpan elapsed;
                    var events = Take(session, count, out elapsed);
                    poll = Math.Min(poll, elapsed.TotalMilliseconds * 1e6 / count);
                    var clock = Stopwatch.StartNew();
                    foreach (var next in events)
                        if (next.Type != "EVENT_UNIT_STATUS") throw new Exception(next.Json);
                    type = Math.Min(type, clock.Elapsed.TotalMilliseconds * 1e6 / count);
                    clock.Restart();
                    for (var i = 0; i < count; i++)
                        if (session.Poll() != null) throw new Exception("an event that nobody pushed");
                    empty = Math.Min(empty, clock.Elapsed.TotalMilliseconds * 1e6 / count);
                }
                Console.WriteLine("bench:   C# on {0}: {1:0} ns per event (polled, read, freed; best of {2} rounds of {3}), {4:0} ns to find its type, {5:0} ns per empty poll",
                    Runtime(), poll, rounds, count, type, empty);
            }
        }

        private static string Runtime()
        {
            return Type.GetType("Mono.Runtime") != null ? "Mono" : ".NET " + Environment.Version.Major;
        }
    }
}
