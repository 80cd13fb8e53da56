using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Xunit;

namespace Sonoran.Tests
{
    public class SteadyTests
    {
        private const int Batch = 10000;

        /// <summary>This process's resident memory in KiB, after a collection.</summary>
        private static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            var line = File.ReadAllLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(new string(line.Where(char.IsDigit).ToArray()));
        }

        private static void Queue(SonoranSession session, int server, int size)
        {
            Hub.Shared.Post("/control/burst?serverId=" + server + "&count=" + Batch + "&size=" + size);
            var clock = Stopwatch.StartNew();
            while (Json.Text(session.StatsJson(), "queuedEvents") != Batch.ToString())
            {
                Assert.True(clock.ElapsedMilliseconds < Native.Patience, session.StatsJson());
                System.Threading.Thread.Sleep(1);
            }
        }

        /// <summary>Takes everything; returns how long that took.</summary>
        private static TimeSpan Take(SonoranSession session, out long characters)
        {
            characters = 0;
            var count = 0;
            var clock = Stopwatch.StartNew();
            SonoranEvent next;
            while ((next = session.Poll()) != null)
            {
                count++;
                characters += next.Json.Length;
                if (next.Type != "EVENT_UNIT_STATUS") throw new Exception(next.Json);
            }
            var elapsed = clock.Elapsed;
            Assert.Equal(Batch, count);
            return elapsed;
        }

        [Fact]
        public void AHundredThousandEventsLeakNothing()
        {
            const int warmUp = 4, rounds = 10;
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                long warm = 0, least = long.MaxValue, taken = 0;
                for (var round = 0; round < warmUp + rounds; round++)
                {
                    long characters;
                    if (round == warmUp) warm = Resident();
                    Queue(session, server, 1000);
                    Take(session, out characters);
                    if (round < warmUp) continue;
                    taken += characters;
                    // A garbage collector's heap breathes; what has leaked stays.
                    if (round >= warmUp + rounds / 2) least = Math.Min(least, Resident());
                }
                var grown = least - warm;
                Console.WriteLine("csharp on " + Runtime() + ": memory after " + rounds * Batch + " more events (" + taken / 1024 + " KiB): " + (grown >= 0 ? "+" : "") + grown + " KiB");
                Assert.True(grown < taken / 1024 / 8, "grew by " + grown + " KiB");
            }
        }

        [Fact]
        public void TheCostOfAnEvent()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var best = TimeSpan.MaxValue;
                long characters = 0;
                for (var round = 0; round < 5; round++)
                {
                    Queue(session, server, 40);
                    var elapsed = Take(session, out characters);
                    if (elapsed < best) best = elapsed;
                }
                Console.WriteLine("bench: csharp on " + Runtime() + ": " + (best.TotalMilliseconds * 1e6 / Batch).ToString("0") + " ns per event of " + characters / Batch + " bytes (poll, copy, type, free)");
            }
        }

        [Fact]
        public void AnEmptyPollIsCheap()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                const int count = 200000;
                for (var i = 0; i < count / 10; i++) session.Poll();
                var clock = Stopwatch.StartNew();
                for (var i = 0; i < count; i++) Assert.Null(session.Poll());
                Console.WriteLine("bench: csharp on " + Runtime() + ": " + (clock.Elapsed.TotalMilliseconds * 1e6 / count).ToString("0") + " ns per empty poll");
            }
        }

        private static string Runtime()
        {
            return Type.GetType("Mono.Runtime") != null ? "Mono" : ".NET " + Environment.Version.Major;
        }
    }
}
