// xunit's runner does not run on the Mono that FXServer has. This is the part of xunit's API that these
// tests use, and a runner: every public class with a parameterless constructor, one test after another.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Xunit
{
    [AttributeUsage(AttributeTargets.Method)]
    public class FactAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TheoryAttribute : FactAttribute { }

    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    public sealed class InlineDataAttribute : Attribute
    {
        public readonly object[] Data;
        public InlineDataAttribute(params object[] data) { Data = data ?? new object[] { null }; }
    }

    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class CollectionBehaviorAttribute : Attribute
    {
        public bool DisableTestParallelization { get; set; }
    }

    public static class Assert
    {
        public static void Equal<T>(T expected, T actual)
        {
            if (!Same(expected, actual)) throw new Exception("expected: " + Show(expected) + "\n  actual:   " + Show(actual));
        }

        public static void Equal<T>(IEnumerable<T> expected, IEnumerable<T> actual)
        {
            Equal<object>(expected, actual);
        }

        public static void NotEqual<T>(T expected, T actual)
        {
            if (Same(expected, actual)) throw new Exception("did not expect: " + Show(actual));
        }

        public static void True(bool condition, string message = "expected true")
        {
            if (!condition) throw new Exception(message);
        }

        public static void False(bool condition, string message = "expected false")
        {
            if (condition) throw new Exception(message);
        }

        public static void Null(object value)
        {
            if (value != null) throw new Exception("expected null, actual: " + Show(value));
        }

        public static void NotNull(object value)
        {
            if (value == null) throw new Exception("expected something, actual: null");
        }

        public static void Contains(string part, string text)
        {
            if (text == null || !text.Contains(part)) throw new Exception("expected to find: " + part + "\n  in: " + text);
        }

        public static void DoesNotContain(string part, string text)
        {
            if (text != null && text.Contains(part)) throw new Exception("did not expect: " + part + "\n  in: " + text);
        }

        public static void StartsWith(string start, string text)
        {
            if (text == null || !text.StartsWith(start, StringComparison.Ordinal)) throw new Exception("expected at the start: " + start + "\n  of: " + text);
        }

        public static T Throws<T>(Action action) where T : Exception
        {
            try { action(); }
            catch (T expected) when (expected.GetType() == typeof(T)) { return expected; }
            throw new Exception("expected " + typeof(T).Name + ", nothing was thrown");
        }

        public static async Task<T> ThrowsAnyAsync<T>(Func<Task> action) where T : Exception
        {
            try { await action(); }
            catch (T expected) { return expected; }
            throw new Exception("expected " + typeof(T).Name + ", nothing was thrown");
        }

        private static bool Same(object a, object b)
        {
            if (a is string || b is string || !(a is IEnumerable) || !(b is IEnumerable)) return Equals(a, b);
            return ((IEnumerable)a).Cast<object>().SequenceEqual(((IEnumerable)b).Cast<object>());
        }

        private static string Show(object value)
        {
            var list = value is string ? null : value as IEnumerable;
            return list == null ? Convert.ToString(value) : "[" + string.Join(", ", list.Cast<object>().Select(Convert.ToString).ToArray()) + "]";
        }
    }

    public static class Runner
    {
        /// <param name="only">Parts of the names of the tests to run; none: all.</param>
        public static int Main(string[] only)
        {
            int passed = 0, failed = 0;
            foreach (var type in typeof(Runner).Assembly.GetExportedTypes().Where(t => t.IsClass && t.GetConstructor(Type.EmptyTypes) != null))
                foreach (var method in type.GetMethods().Where(m => m.GetCustomAttribute<FactAttribute>() != null
                        && (only.Length == 0 || only.Any((type.Name + "." + m.Name).Contains))))
                    foreach (var data in Rows(method))
                    {
                        var clock = Stopwatch.StartNew();
                        var name = type.Name + "." + method.Name + (data.Length == 0 ? "" : "(" + string.Join(", ", data.Select(d => d ?? "null").ToArray()) + ")");
                        try
                        {
                            var task = method.Invoke(Activator.CreateInstance(type), data) as Task;
                            if (task != null) task.GetAwaiter().GetResult();
                            passed++;
                            if (clock.ElapsedMilliseconds > 2000) Console.WriteLine("  slow " + name + ": " + clock.ElapsedMilliseconds + " ms");
                        }
                        catch (Exception e)
                        {
                            failed++;
                            var lines = (e is TargetInvocationException ? e.InnerException : e).ToString().Split('\n');
                            Console.WriteLine("FAILED " + name + "\n  " + string.Join("\n", lines.Take(12).ToArray()));
                        }
                    }
            Console.WriteLine(passed + " passed, " + failed + " failed");
            return failed == 0 && passed > 0 ? 0 : 1;
        }

        private static IEnumerable<object[]> Rows(MethodInfo method)
        {
            var rows = method.GetCustomAttributes<InlineDataAttribute>().Select(a => a.Data).ToList();
            return rows.Count > 0 ? rows : new List<object[]> { new object[0] };
        }
    }
}
