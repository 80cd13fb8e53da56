using System;
using System.IO;
using System.Reflection;
using System.Threading.Tasks;
using CitizenFX.Core;
using CitizenFX.Core.Native;

namespace Sonoran.FiveM
{
    /// <summary>
    /// The script that FXServer loads. It starts the bridge, which is beside it. They are two files because the server
    /// loads this one from bytes, and Mono never frees those: the memory of this one is lost with every restart.
    /// </summary>
    public sealed class SonoranScript : BaseScript
    {
        public SonoranScript()
        {
            var path = API.GetResourcePath(API.GetCurrentResourceName()) + "/bin/Sonoran.Bridge.dll";
            try
            {
                var start = Load(File.ReadAllBytes(path)).GetType("Sonoran.FiveM.Bridge", true).GetMethod("Start");
                Tick += (Func<Task>)start.Invoke(null, new object[] { EventHandlers, Exports });
            }
            catch (Exception e) when (e is IOException || e is UnauthorizedAccessException || e is BadImageFormatException || e is TypeLoadException)
            {
                Debug.WriteLine(path + " cannot be loaded (" + e.Message + "): copy the whole folder bin of the release, and restart this resource.");
            }
        }

#if NETCOREAPP
        private static Assembly Load(byte[] assembly)
        {
            var context = System.Runtime.Loader.AssemblyLoadContext.GetLoadContext(typeof(SonoranScript).Assembly);
            return context.LoadFromStream(new MemoryStream(assembly));
        }
#else
        /// <summary>
        /// Mono frees what it loads from a file. The file is a private copy, because overwriting a loaded file would
        /// kill the server. Windows cannot delete a loaded file, so there the bytes are loaded.
        /// </summary>
        private static Assembly Load(byte[] assembly)
        {
            if (Path.DirectorySeparatorChar == '\\') return Assembly.Load(assembly);
            string copy;
            try
            {
                copy = Path.GetTempFileName();
            }
            catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
            {
                return Assembly.Load(assembly);
            }
            try
            {
                File.WriteAllBytes(copy, assembly);
                return Assembly.LoadFrom(copy);
            }
            finally
            {
                File.Delete(copy);
            }
        }
#endif
    }
}
