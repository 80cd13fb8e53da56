#if !NETCOREAPP // the assemblies for the Enhanced server are of its own .NET
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Xunit;

namespace FxServerHost
{
    /// <summary>
    /// The assemblies are for .NET Framework 4.5.2, whose reference assemblies are not at hand: Mono's own class library,
    /// which the compiler reads instead, also has what came later.
    /// </summary>
    public class FrameworkTests
    {
        /// <summary>What .NET Framework 4.6 to 4.8 added, as far as code like this could use it: types, and members of older types.</summary>
        private static readonly string[] Later =
        {
            "System.AppContext", "System.FormattableString", "System.IAsyncDisposable", "System.IAsyncResult`1", "System.Index", "System.Range",
            "System.ValueTuple", "System.Memory", "System.Span", "System.Buffers.", "System.Numerics.Vector",
            "System.Runtime.InteropServices.RuntimeInformation", "System.Runtime.InteropServices.OSPlatform",
            "System.Runtime.CompilerServices.FormattableStringFactory", "System.Runtime.CompilerServices.TupleElementNamesAttribute",
            "System.Runtime.CompilerServices.IsReadOnlyAttribute", "System.Runtime.CompilerServices.IsByRefLikeAttribute",
            "System.Threading.AsyncLocal", "System.Threading.Tasks.ValueTask",
            "System.Array.Empty", "System.Array.Fill", "System.Buffer.MemoryCopy", "System.Convert.ToHexString",
            "System.DateTimeOffset.FromUnixTimeSeconds", "System.DateTimeOffset.FromUnixTimeMilliseconds",
            "System.DateTimeOffset.ToUnixTimeSeconds", "System.DateTimeOffset.ToUnixTimeMilliseconds",
            "System.GC.TryStartNoGCRegion", "System.Linq.Enumerable.Append", "System.Linq.Enumerable.Prepend", "System.Linq.Enumerable.ToHashSet",
            "System.Collections.Generic.Queue`1.TryDequeue", "System.Collections.Generic.Dictionary`2.TryAdd",
            "System.Threading.Thread.GetCurrentProcessorId", "System.Threading.Tasks.Task.get_CompletedTask",
            "System.Threading.Tasks.Task.FromException", "System.Threading.Tasks.Task.FromCanceled",
        };

        [Fact]
        public void NothingLaterThan452IsUsed()
        {
            var folder = Path.Combine(FxServer.Folder("sonoran"), "bin");
            foreach (var file in new[] { "Sonoran.Server.net.dll", "Sonoran.Bridge.dll" })
            {
                var used = Used(Assembly.LoadFrom(Path.Combine(folder, file))).ToList();
                Assert.True(used.Contains("System.String.Concat"), file + " uses nothing");
                Assert.Equal(new string[0], used.Where(name => Later.Any(later => name.StartsWith(later, StringComparison.Ordinal))).ToArray());
            }
        }

        /// <summary>The members of other assemblies that an assembly names.</summary>
        private static IEnumerable<string> Used(Assembly assembly)
        {
            const int memberReference = 0x0A000000;
            for (var row = 1; ; row++)
            {
                MemberInfo member;
                try
                {
                    member = assembly.ManifestModule.ResolveMember(memberReference + row);
                }
                catch (ArgumentOutOfRangeException)
                {
                    yield break;
                }
                if (member.DeclaringType != null) yield return member.DeclaringType.Namespace + "." + member.DeclaringType.Name + "." + member.Name;
            }
        }
    }
}
#endif
